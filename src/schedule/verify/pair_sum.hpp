#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "schedule/verify/band.hpp"

namespace hsap::verifier {

/// Arithmetic modulo the prime 2^61 - 1.
class Residue {
 public:
  constexpr Residue() = default;
  constexpr explicit Residue(std::uint64_t value) : value_(value % prime) {}

  friend constexpr Residue operator+(Residue a, Residue b) { return Residue(a.value_ + b.value_); }
  friend constexpr Residue operator-(Residue a, Residue b) {
    return Residue(a.value_ + prime - b.value_);
  }
  friend Residue operator*(Residue a, Residue b);
  friend constexpr bool operator==(Residue, Residue) = default;

  [[nodiscard]] Residue power(std::uint64_t exponent) const;
  [[nodiscard]] Residue inverse() const { return power(prime - 2); }

 private:
  static constexpr std::uint64_t prime = (std::uint64_t{1} << 61) - 1;
  std::uint64_t value_ = 0;
};

/// Powers of one base by two table look-ups.
class PowerTable {
 public:
  PowerTable(Residue base, std::int64_t largest_exponent);
  [[nodiscard]] Residue operator()(std::int64_t exponent) const {
    const auto e = static_cast<std::uint64_t>(exponent);
    return high_[e >> bits_] * low_[e & (low_.size() - 1)];
  }

 private:
  unsigned bits_ = 0;
  std::vector<Residue> low_;   ///< base^e
  std::vector<Residue> high_;  ///< base^(e << bits)
};

/// The sum of a^query * b^key over a set of pairs, for fixed a and b modulo 2^61 - 1.
///
/// Two multisets of pairs with equal sums are equal but for chance: their difference is a
/// polynomial in a and b of degree below 2^31, which is zero at fewer than 2^31 / 2^61 of all
/// points unless it is the zero polynomial (Schwartz and Zippel). A band takes a few geometric
/// sums, so comparing a whole schedule with its mask is linear in its slices.
class PairSum {
 public:
  /// Tokens below `tokens`, intervals of stride 1 or `stride`.
  PairSum(Token tokens, Token stride);

  [[nodiscard]] Residue of(const Band& band) const;

 private:
  /// For one stride of queries and one of keys: ratios of neighbouring rows and columns.
  struct Ratios {
    Residue over_row;       ///< 1 / (a^s - 1)
    Residue over_column;    ///< 1 / (b^t - 1)
    Residue over_diagonal;  ///< 1 / (a^s b^t - 1)
  };
  [[nodiscard]] Ratios ratios(Token query_stride, Token key_stride) const;
  [[nodiscard]] Residue up_to(const Band& band, const Ratios& by, std::int64_t offset) const;

  PowerTable a_;
  PowerTable b_;
  Token stride_;
  std::array<Ratios, 4> ratios_;  ///< query stride 1 or `stride`, then key stride
};

}  // namespace hsap::verifier
