#pragma once

#include <cstdint>

namespace hsap {

/// Seeded random numbers that are the same on every machine: splitmix64 (Steele, Lea and Flood,
/// "Fast splittable pseudorandom number generators", OOPSLA 2014) and draws made of integer
/// arithmetic only. The distributions of the standard library differ between implementations.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  /// 64 random bits.
  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

  /// Uniform in [0, n), n at least 1.
  std::uint64_t below(std::uint64_t n) {
    const std::uint64_t uneven = (0 - n) % n;  // 2^64 mod n: draws below it would bias
    std::uint64_t draw = next();
    while (draw < uneven) draw = next();
    return draw % n;
  }

  /// Uniform in [low, high].
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }

  /// Uniform in [0, 1), a multiple of 2^-53.
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

  /// Integer in [low, high], low at least 1, with probability proportional to 1 / x. By
  /// rejection, so exact and without logarithms: within an octave a uniform draw x is kept with
  /// probability (start of the octave) / x; a wider range first draws an octave, as each has the
  /// same weight before the rejection.
  std::int64_t log_uniform(std::int64_t low, std::int64_t high);

 private:
  std::uint64_t state_;
};

}  // namespace hsap
