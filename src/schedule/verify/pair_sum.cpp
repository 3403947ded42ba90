#include "schedule/verify/pair_sum.hpp"

#include <algorithm>

namespace hsap::verifier {
namespace {

__extension__ using Wide = unsigned __int128;

// Primitive roots whose product has order 2^60 - 1, so that none of a^s - 1, b^s - 1 and
// (ab)^s - 1 is zero for a stride s. Otherwise arbitrary.
constexpr Residue base_a{0x112d2228213b759eU};
constexpr Residue base_b{0xf176d6714fcf771U};
constexpr Residue one{1};

unsigned half_the_bits(std::int64_t value) {
  unsigned bits = 1;
  while (value >> (2 * bits) != 0) ++bits;
  return bits;
}

std::vector<Residue> powers(Residue base, std::size_t count) {
  std::vector<Residue> table(count, one);
  for (std::size_t i = 1; i < count; ++i) table[i] = table[i - 1] * base;
  return table;
}

}  // namespace

Residue operator*(Residue a, Residue b) {
  const Wide product = Wide{a.value_} * b.value_;
  return Residue(static_cast<std::uint64_t>(product & Residue::prime) +
                 static_cast<std::uint64_t>(product >> 61));
}

Residue Residue::power(std::uint64_t exponent) const {
  Residue result = one;
  Residue square = *this;
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result = result * square;
    square = square * square;
  }
  return result;
}

PowerTable::PowerTable(Residue base, std::int64_t largest_exponent)
    : bits_(half_the_bits(largest_exponent)),
      low_(powers(base, std::size_t{1} << bits_)),
      high_(powers(base.power(std::uint64_t{1} << bits_), std::size_t{1} << bits_)) {}

PairSum::PairSum(Token tokens, Token stride)
    // One row past the end of a strided interval is the largest exponent.
    : a_(base_a, std::int64_t{tokens} + stride),
      b_(base_b, std::int64_t{tokens} + stride),
      stride_(stride) {
  for (std::size_t i = 0; i < ratios_.size(); ++i) {
    const Residue row = a_(i < 2 ? 1 : stride);
    const Residue column = b_(i % 2 == 0 ? 1 : stride);
    ratios_[i] = {(row - one).inverse(), (column - one).inverse(), (row * column - one).inverse()};
  }
}

PairSum::Ratios PairSum::ratios(Token query_stride, Token key_stride) const {
  const std::size_t row = query_stride == stride_ ? 2 : 0;
  const std::size_t column = key_stride == stride_ ? 1 : 0;
  return ratios_[row + column];
}

Residue PairSum::of(const Band& band) const {
  if (band.query.empty() || band.key.empty() || band.low > band.high) return {};
  const Ratios by = ratios(band.query.stride, band.key.stride);
  const Residue corner = a_(band.query.begin) * b_(band.key.begin);
  return corner * (up_to(band, by, band.high) - up_to(band, by, band.low - 1));
}

/// Sum over the rows i of a^(s i) times the sum of b^(t j) over the columns 0 <= j <= i + offset.
Residue PairSum::up_to(const Band& band, const Ratios& by, std::int64_t offset) const {
  const std::int64_t rows = band.query.size(), columns = band.key.size();
  const std::int64_t s = band.query.stride, t = band.key.stride;
  // Rows before `ramp` see nothing, those from `all` on see every column.
  const std::int64_t ramp = std::clamp<std::int64_t>(-offset, 0, rows);
  const std::int64_t all = std::clamp(columns - offset - 1, ramp, rows);
  const Residue at_ramp = a_(s * ramp), at_all = a_(s * all), at_end = a_(s * rows);
  Residue total = (at_end - at_all) * by.over_row * (b_(t * columns) - one);
  if (ramp < all) {
    // Row i sees (b^(t (i + offset + 1)) - 1) / (b^t - 1).
    const Residue first = b_(t * (ramp + offset + 1));
    const Residue length = b_(t * (all - ramp));
    const Residue diagonal = first * (at_all * length - at_ramp) * by.over_diagonal;
    total = total + diagonal - (at_all - at_ramp) * by.over_row;
  }
  return total * by.over_column;
}

}  // namespace hsap::verifier
