#include "workload/random.hpp"

#include <bit>

namespace hsap {

std::int64_t Random::log_uniform(std::int64_t low, std::int64_t high) {
  const bool one_octave = high / 2 < low;
  const int first = 63 - std::countl_zero(static_cast<std::uint64_t>(low));
  const int last = 63 - std::countl_zero(static_cast<std::uint64_t>(high));
  for (;;) {
    std::int64_t start = low;
    std::int64_t end = high;
    if (!one_octave) {
      start = std::int64_t{1} << between(first, last);
      end = 2 * start - 1;
    }
    const std::int64_t x = between(start, end);
    if (x >= low && x <= high && between(0, x - 1) < start) return x;
  }
}

}  // namespace hsap
