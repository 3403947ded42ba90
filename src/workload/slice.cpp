#include <algorithm>
#include <limits>

#include "hsap/mask.hpp"

namespace hsap {
namespace {

/// A slice as inequalities: row i of n sees column j of m iff low <= j - i <= high.
struct Band {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t low = 0;
  std::int64_t high = 0;
};

/// Wider than any difference of two tokens, and safe to add tokens to.
constexpr std::int64_t unbounded = std::int64_t{1} << 40;

Band band_of(const Slice& slice) {
  Band band{slice.query.size(), slice.key.size(), -unbounded, unbounded};
  const bool bounded_right = slice.kind == SliceKind::causal || slice.kind == SliceKind::bi_causal;
  const bool bounded_left =
      slice.kind == SliceKind::inverse_causal || slice.kind == SliceKind::bi_causal;
  if (bounded_right) band.high = band.columns - band.rows;
  if (bounded_left) band.low = 0;
  return band;
}

std::int64_t triangle(std::int64_t n) { return n > 0 ? n * (n + 1) / 2 : 0; }

/// Sum over the rows of how many columns lie at or left of row + offset, clamped to [0, columns].
std::int64_t columns_up_to(const Band& band, std::int64_t offset) {
  // Row i reaches clamp(i + offset + 1, 0, columns): zero, then a ramp, then all.
  const std::int64_t first_reach = offset + 1;
  const std::int64_t last_reach = first_reach + band.rows;  // exclusive
  return (triangle(last_reach - 1) - triangle(first_reach - 1)) -
         (triangle(last_reach - 1 - band.columns) - triangle(first_reach - 1 - band.columns));
}

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}
std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return -floor_div(-a, b); }

/// The band seen by the rows of `query` and the columns of `key`, sub-intervals of the slice's.
/// A query at distance x and a key at distance y from the slice's corner are kept iff
/// low <= y - x <= high; with x = x0 + i s and y = y0 + j s that bounds j - i.
Band restrict_band(const Slice& slice, const Interval& query, const Interval& key) {
  const Band whole = band_of(slice);
  const std::int64_t stride = query.size() > 1 ? query.stride : key.stride;
  const std::int64_t shift =
      (std::int64_t{query.begin} - slice.query.begin) - (std::int64_t{key.begin} - slice.key.begin);
  return {query.size(), key.size(), ceil_div(whole.low + shift, stride),
          floor_div(whole.high + shift, stride)};
}

SliceKind kind_of(bool clipped_left, bool clipped_right) {
  if (clipped_left) return clipped_right ? SliceKind::full : SliceKind::causal;
  return clipped_right ? SliceKind::inverse_causal : SliceKind::bi_causal;
}

/// Rows [first, last) of a band whose rows all begin at column 0 (clipped_left) or all at
/// row + low, and all end at the last column (clipped_right) or all at row + high.
void emit(const Band& band, std::int64_t first, std::int64_t last, bool clipped_left,
          bool clipped_right, const Interval& query, const Interval& key, std::vector<Slice>& out) {
  const std::int64_t left = clipped_left ? 0 : first + band.low;
  const std::int64_t right = clipped_right ? band.columns : last + band.high;
  out.push_back({rows_of(query, static_cast<Token>(first), static_cast<Token>(last)),
                 rows_of(key, static_cast<Token>(left), static_cast<Token>(right)),
                 kind_of(clipped_left, clipped_right)});
}

}  // namespace

std::int64_t area(const Slice& slice) {
  const Band band = band_of(slice);
  if (band.rows == 0 || band.columns == 0) return 0;
  if (slice.kind == SliceKind::full) return band.rows * band.columns;
  const std::int64_t up_to_high =
      band.high >= band.columns ? band.rows * band.columns : columns_up_to(band, band.high);
  const std::int64_t below_low = band.low <= -band.rows ? 0 : columns_up_to(band, band.low - 1);
  return std::max<std::int64_t>(up_to_high - below_low, 0);
}

bool attends(const Slice& slice, Token query, Token key) {
  if (!slice.query.contains(query) || !slice.key.contains(key)) return false;
  const Band band = band_of(slice);
  const std::int64_t row = (query - slice.query.begin) / slice.query.stride;
  const std::int64_t column = (key - slice.key.begin) / slice.key.stride;
  return column - row >= band.low && column - row <= band.high;
}

void cut(const Slice& slice, const Interval& query, const Interval& key, std::vector<Slice>& out) {
  const Interval rows = intersect(query, slice.query);
  const Interval columns = intersect(key, slice.key);
  if (rows.empty() || columns.empty()) return;
  const Band band = restrict_band(slice, rows, columns);
  // Rows that see anything.
  const std::int64_t begin = std::max<std::int64_t>(0, -band.high);
  const std::int64_t end = std::min(band.rows, band.columns - band.low);
  if (begin >= end || band.low > band.high) return;
  // The rows at which each edge of the band crosses the rectangle's. A row where they just meet
  // counts as either: as a sloped one, unless that alone would keep the rest from being straight.
  const std::int64_t left_free = 1 - band.low >= end ? end : std::clamp(-band.low, begin, end);
  const std::int64_t right_clipped = band.columns - 1 - band.high <= begin
                                         ? begin
                                         : std::clamp(band.columns - band.high, begin, end);
  const std::int64_t first = std::min(left_free, right_clipped);
  const std::int64_t second = std::max(left_free, right_clipped);
  if (begin < first) emit(band, begin, first, true, false, rows, columns, out);
  if (first < second) {
    const bool both_clipped = right_clipped < left_free;
    emit(band, first, second, both_clipped, both_clipped, rows, columns, out);
  }
  if (second < end) emit(band, second, end, false, true, rows, columns, out);
}

}  // namespace hsap
