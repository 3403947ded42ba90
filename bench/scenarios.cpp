#include "scenarios.hpp"

#include <cmath>

namespace hsap::bench {
namespace {

/// SplitMix64's finaliser: a well mixed number in [0, 1) from a pair.
double mixed(std::uint64_t from, std::uint64_t to) {
  std::uint64_t x = (from << 32 | to) + 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return static_cast<double>((x ^ (x >> 31)) >> 11) * 0x1p-53;
}

}  // namespace

std::uint64_t rows_between(const AllToAll& scenario, int from, int to) {
  const double unit = mixed(static_cast<std::uint64_t>(from), static_cast<std::uint64_t>(to));
  const double factor = 1 + scenario.jitter * (2 * unit - 1);
  return static_cast<std::uint64_t>(std::llround(static_cast<double>(mean_rows) * factor));
}

}  // namespace hsap::bench
