#include "cost/tiles.hpp"

#include <algorithm>

namespace hsap {
namespace {

/// Wider than any difference of two tokens, and safe to add tokens to.
constexpr std::int64_t unbounded = std::int64_t{1} << 40;

/// Sum over i in [0, count) of floor(clamp(step * i + offset, 0, limit) / divisor), where terms at
/// the limit count as `full`.
std::int64_t clamped_sum(std::int64_t count, std::int64_t step, std::int64_t offset,
                         std::int64_t limit, std::int64_t divisor, std::int64_t full) {
  const auto reach = [&](std::int64_t value) {  // first i with step * i + offset >= value
    return std::clamp<std::int64_t>(value <= offset ? 0 : ceil_div(value - offset, step), 0, count);
  };
  const std::int64_t first = reach(0);
  const std::int64_t last = std::max(first, reach(limit));
  return floor_sum(last - first, divisor, step, step * first + offset) + (count - last) * full;
}

}  // namespace

std::int64_t floor_sum(std::int64_t count, std::int64_t divisor, std::int64_t step,
                       std::int64_t offset) {
  // Counts lattice points under a line, Euclid's way: take out whole parts, then swap the axes.
  std::int64_t sum = 0;
  while (count > 0) {
    sum += count * (count - 1) / 2 * (step / divisor) + count * (offset / divisor);
    step %= divisor;
    offset %= divisor;
    const std::int64_t top = step * count + offset;
    if (top < divisor) break;
    count = top / divisor;
    offset = top % divisor;
    std::swap(divisor, step);
  }
  return sum;
}

std::int64_t TileGrid::blocks() const { return ceil_div(rows, row_tile); }

std::int64_t TileGrid::visited(std::int64_t block) const {
  if (low > high) return 0;
  const std::int64_t first_row = block * row_tile;
  const std::int64_t last_row = std::min(rows, first_row + row_tile) - 1;
  const std::int64_t begin = std::max<std::int64_t>(0, first_row + low);
  const std::int64_t end = std::min(columns, last_row + high + 1);
  return begin < end ? ceil_div(end, column_tile) - begin / column_tile : 0;
}

std::int64_t TileGrid::visited() const {
  const std::int64_t count = blocks();
  if (count == 0 || columns == 0 || low > high) return 0;
  // The last block may be ragged, so it is counted alone. Of the others, block i ends at column
  // (i + 1) * row_tile + high and begins at column i * row_tile + low, both clamped.
  const std::int64_t whole = ceil_div(columns, column_tile);
  const std::int64_t ends = clamped_sum(count - 1, row_tile, row_tile + high + column_tile - 1,
                                        columns + column_tile - 1, column_tile, whole);
  const std::int64_t begins = clamped_sum(count - 1, row_tile, low, columns, column_tile, whole);
  return ends - begins + visited(count - 1);
}

TileGrid query_major(const Slice& slice, int tile_query, int tile_key) {
  TileGrid grid{slice.query.size(), slice.key.size(), -unbounded, unbounded, tile_query, tile_key};
  const SliceKind kind = slice.kind;
  if (kind == SliceKind::causal || kind == SliceKind::bi_causal) {
    grid.high = grid.columns - grid.rows;
  }
  if (kind == SliceKind::inverse_causal || kind == SliceKind::bi_causal) grid.low = 0;
  return grid;
}

TileGrid key_major(const Slice& slice, int tile_query, int tile_key) {
  const TileGrid grid = query_major(slice, tile_query, tile_key);
  // low <= key - query <= high is -high <= query - key <= -low.
  return {grid.columns, grid.rows, -grid.high, -grid.low, grid.column_tile, grid.row_tile};
}

}  // namespace hsap
