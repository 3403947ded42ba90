#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

namespace hsap {

/// Position of a token in the packed sequence. Contexts reach 2^30 tokens.
using Token = std::int32_t;

/// The tokens begin, begin + stride, ... below end. A stride above one comes from the
/// striped layout, where shard c of C holds every C-th token.
///
/// Intervals are kept in canonical form: `end` is one past the last token held, and an
/// interval of fewer than two tokens has stride 1, so equal sets compare equal.
struct Interval {
  Token begin = 0;
  Token end = 0;
  Token stride = 1;

  /// Number of tokens held.
  [[nodiscard]] constexpr Token size() const {
    if (end <= begin) return 0;
    return stride == 1 ? end - begin : (end - begin - 1) / stride + 1;  // divisions are slow
  }
  [[nodiscard]] constexpr bool empty() const { return end <= begin; }
  [[nodiscard]] constexpr bool contains(Token t) const {
    return t >= begin && t < end && (t - begin) % stride == 0;
  }
  /// The token at row `row` of the interval; row may equal size() only to mean "past the end".
  [[nodiscard]] constexpr Token at(Token row) const { return begin + row * stride; }

  friend constexpr auto operator<=>(const Interval&, const Interval&) = default;
};

/// {begin, end, stride} in canonical form.
[[nodiscard]] constexpr Interval make_interval(Token begin, Token end, Token stride = 1) {
  if (end <= begin) return {begin, begin, 1};
  if (stride == 1) return {begin, end, 1};
  const Token last = begin + (end - begin - 1) / stride * stride;
  return last == begin ? Interval{begin, begin + 1, 1} : Interval{begin, last + 1, stride};
}

/// Rows [first, last) of an interval, in canonical form.
[[nodiscard]] Interval rows_of(const Interval& whole, Token first, Token last);

/// The tokens that both hold. The strides must be equal, or one of them 1, or one side a
/// single token: the compiler never makes other pairs.
[[nodiscard]] Interval intersect(const Interval& a, const Interval& b);

using Intervals = std::vector<Interval>;

/// Number of tokens in a list of disjoint intervals.
[[nodiscard]] std::int64_t tokens_in(std::span<const Interval> list);

/// Sorts by first token and joins what touches (stride 1) or continues (equal strides).
/// The inputs must be disjoint.
void normalise(Intervals& list);

/// Rows [first, last) of the concatenation of a list, as intervals in list order.
[[nodiscard]] Intervals rows_of(std::span<const Interval> list, std::int64_t first,
                                std::int64_t last);

}  // namespace hsap
