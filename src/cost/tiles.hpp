#pragma once

#include <cstdint>

#include "hsap/mask.hpp"

namespace hsap {

/// a / b, rounded up; none of them below 0.
[[nodiscard]] constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

/// A slice as one thread block sees it: rows are what a block owns a tile of, columns what it
/// walks. Row i sees column j iff low <= j - i <= high.
struct TileGrid {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t low = 0;
  std::int64_t high = 0;
  std::int64_t row_tile = 1;
  std::int64_t column_tile = 1;

  /// Tiles of rows: thread blocks per head.
  [[nodiscard]] std::int64_t blocks() const;
  /// Column tiles that block `block` visits: all that hold an unmasked pair of its rows. O(1).
  [[nodiscard]] std::int64_t visited(std::int64_t block) const;
  /// Sum of visited() over the blocks. Exact, O(log) by floor sums.
  [[nodiscard]] std::int64_t visited() const;
};

/// Blocks own query tiles and walk keys.
[[nodiscard]] TileGrid query_major(const Slice& slice, int tile_query, int tile_key);
/// Blocks own key tiles and walk queries.
[[nodiscard]] TileGrid key_major(const Slice& slice, int tile_query, int tile_key);

/// Sum over i in [0, count) of floor((step * i + offset) / divisor), all terms non-negative.
[[nodiscard]] std::int64_t floor_sum(std::int64_t count, std::int64_t divisor, std::int64_t step,
                                     std::int64_t offset);

}  // namespace hsap
