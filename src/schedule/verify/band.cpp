#include "schedule/verify/band.hpp"

#include <algorithm>

namespace hsap::verifier {
namespace {

/// Rows of an interval whose tokens lie in [begin, end).
struct Rows {
  Token first = 0;
  Token last = 0;
};

Rows rows_within(const Interval& interval, Token begin, Token end) {
  const auto rows_below = [&](Token token) {
    if (token <= interval.begin) return Token{0};
    const Token distance = std::min(token, interval.end) - interval.begin;
    return distance / interval.stride + (distance % interval.stride != 0 ? 1 : 0);
  };
  return {rows_below(begin), rows_below(end)};
}

}  // namespace

Band band_of(const Slice& slice) {
  const std::int64_t rows = slice.query.size(), columns = slice.key.size();
  // Where there is no bound, one that every pair of the rectangle satisfies.
  Band band{slice.query, slice.key, -rows, columns};
  const SliceKind kind = slice.kind;
  if (kind == SliceKind::causal || kind == SliceKind::bi_causal) band.high = columns - rows;
  if (kind == SliceKind::inverse_causal || kind == SliceKind::bi_causal) band.low = 0;
  return band;
}

Band restrict_to(const Band& band, const Window& window) {
  const Rows rows = rows_within(band.query, window.query_begin, window.query_end);
  const Rows columns = rows_within(band.key, window.key_begin, window.key_end);
  const std::int64_t shift = std::int64_t{rows.first} - columns.first;
  return {rows_of(band.query, rows.first, rows.last),
          rows_of(band.key, columns.first, columns.last), band.low + shift, band.high + shift};
}

}  // namespace hsap::verifier
