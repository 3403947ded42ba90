#pragma once

#include <cstdint>

#include "hsap/schedule.hpp"

namespace hsap::verifier {

/// What a row holds: inputs have the constant of their role, partial results the sum (modulo 2^64)
/// of one random-looking number per contribution, and how many those are. Equal fingerprints mean
/// equal content but for chance collisions of 64-bit numbers. The count makes that true of rows
/// that were added to themselves: any number doubled 64 times is 0 modulo 2^64, while the count
/// stays at its largest value, which no complete result has.
struct Fingerprint {
  std::uint64_t sum = 0;
  std::uint64_t contributions = 0;

  friend constexpr bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

/// Partial results added up.
[[nodiscard]] constexpr Fingerprint operator+(Fingerprint a, Fingerprint b) {
  constexpr std::uint64_t most = ~std::uint64_t{0};
  const bool fits = a.contributions <= most - b.contributions;
  return {a.sum + b.sum, fits ? a.contributions + b.contributions : most};
}

/// A row that nothing has written.
inline constexpr Fingerprint unwritten{~std::uint64_t{0}, 0};
/// A partial result without contributions: o = 0 and lse = -inf, or a gradient of zero.
inline constexpr Fingerprint neutral{};

/// Steele, Lea and Flood's finaliser of a counter (splitmix64).
[[nodiscard]] constexpr std::uint64_t scramble(std::uint64_t counter) {
  std::uint64_t z = (counter + 1) * 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

/// Complete data of a role that the pass takes as given.
[[nodiscard]] constexpr Fingerprint given(Role role) {
  return {scramble((std::uint64_t{1} << 40) + static_cast<std::uint64_t>(role)), 0};
}

/// What one attention operation adds to every row that one of its slices reaches.
[[nodiscard]] constexpr Fingerprint contribution(Index operation) {
  return {scramble(operation), 1};
}

/// Whether rows of a role are sums over attention operations in this pass.
[[nodiscard]] constexpr bool accumulates(Role role, Pass pass) {
  if (pass == Pass::forward) return role == Role::o || role == Role::lse;
  return role == Role::dq || role == Role::dk || role == Role::dv;
}

/// The sum of two rows. Only gradients may be summed: o and lse merge by log-sum-exp, and a sum
/// of anything else is no data of its role.
[[nodiscard]] constexpr Fingerprint sum(Role role, Fingerprint a, Fingerprint b) {
  const bool gradient = role == Role::dq || role == Role::dk || role == Role::dv;
  return gradient ? a + b : Fingerprint{scramble(a.sum ^ scramble(b.sum)), 0};
}

}  // namespace hsap::verifier
