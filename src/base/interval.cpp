#include "hsap/interval.hpp"

#include <algorithm>

namespace hsap {

Interval rows_of(const Interval& whole, Token first, Token last) {
  first = std::max<Token>(first, 0);
  last = std::min(last, whole.size());
  if (last <= first) return {whole.begin, whole.begin, 1};
  return make_interval(whole.at(first), whole.at(last - 1) + 1, whole.stride);
}

Interval intersect(const Interval& a, const Interval& b) {
  if (a.stride < b.stride) return intersect(b, a);
  // a has the wider stride; b is dense, of the same stride, or a single token.
  Token begin = std::max(a.begin, b.begin);
  const Token end = std::min(a.end, b.end);
  begin = a.begin + (begin - a.begin + a.stride - 1) / a.stride * a.stride;
  if (begin >= end) return {begin, begin, 1};
  if (b.stride > 1 && (begin - b.begin) % b.stride != 0) return {begin, begin, 1};
  return make_interval(begin, end, a.stride);
}

std::int64_t tokens_in(std::span<const Interval> list) {
  std::int64_t total = 0;
  for (const Interval& interval : list) total += interval.size();
  return total;
}

namespace {

/// Extends `left` by `right` when together they are one interval.
bool join(Interval& left, const Interval& right) {
  if (left.stride == 1 && right.stride == 1 && left.end == right.begin) {
    left.end = right.end;
    return true;
  }
  const bool same = left.stride > 1 && (right.stride == left.stride || right.size() == 1);
  if (same && left.end - 1 + left.stride == right.begin) {
    left.end = right.end;
    return true;
  }
  return false;
}

}  // namespace

void normalise(Intervals& list) {
  std::erase_if(list, [](const Interval& interval) { return interval.empty(); });
  std::sort(list.begin(), list.end());
  Intervals joined;
  for (const Interval& interval : list) {
    if (joined.empty() || !join(joined.back(), interval)) joined.push_back(interval);
  }
  list = std::move(joined);
}

Intervals rows_of(std::span<const Interval> list, std::int64_t first, std::int64_t last) {
  Intervals out;
  std::int64_t row = 0;
  for (const Interval& interval : list) {
    const std::int64_t low = std::max<std::int64_t>(first - row, 0);
    const std::int64_t high = std::min<std::int64_t>(last - row, interval.size());
    if (low < high) {
      out.push_back(rows_of(interval, static_cast<Token>(low), static_cast<Token>(high)));
    }
    row += interval.size();
  }
  return out;
}

}  // namespace hsap
