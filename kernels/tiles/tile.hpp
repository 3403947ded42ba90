#pragma once

#include <cstdint>

#include "kernels/primitive/qualifiers.hpp"

/// The work of an attention kernel, as the device reads it. A tile is a few rows whose results one
/// block keeps in registers while it walks over columns: query rows over keys in the forward pass,
/// key rows over queries in the backward pass. Rows and columns count rows of the operands.
namespace hsap::kernels {

/// A mask slice: rows [row_begin, row_end) see columns [column_begin, column_end) where
/// low <= column - row <= high.
struct Band {
  std::int32_t row_begin;
  std::int32_t row_end;
  std::int32_t column_begin;
  std::int32_t column_end;
  std::int32_t low;
  std::int32_t high;
};

/// Columns that a tile walks over in one go. Each row of the tile lies in at most one of the bands.
/// Columns [full_begin, full_end) are seen by every row: steps inside need no mask.
struct Run {
  std::int32_t column_begin;
  std::int32_t column_end;
  std::int32_t full_begin;
  std::int32_t full_end;
  std::uint32_t first_band;
  std::uint32_t bands;
};

struct Tile {
  std::int32_t row_begin;
  std::int32_t rows;  ///< at most those of the kernel's tile
  std::uint32_t first_run;
  std::uint32_t runs;
};

/// Columns [begin, end).
struct Columns {
  std::int32_t begin;
  std::int32_t end;
};

/// Columns of a run that a row sees.
HSAP_SHARED Columns columns_of(const Band* bands, std::uint32_t count, std::int32_t row) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const Band& band = bands[i];
    if (row < band.row_begin || row >= band.row_end) continue;
    const std::int32_t begin = row + band.low;
    const std::int32_t end = row + band.high + 1;
    return {begin > band.column_begin ? begin : band.column_begin,
            end < band.column_end ? end : band.column_end};
  }
  return {0, 0};
}

/// Walks over the steps of a tile: `width` columns at a time, run after run.
class Steps {
 public:
  HSAP_SHARED Steps(const Tile& tile, const Run* runs, std::int32_t width)
      : runs_(runs), run_(tile.first_run), end_(tile.first_run + tile.runs), width_(width) {
    if (run_ != end_) column_ = run().column_begin;
  }

  HSAP_SHARED bool done() const { return run_ == end_; }
  HSAP_SHARED const Run& run() const { return runs_[run_]; }
  HSAP_SHARED std::int32_t column() const { return column_; }
  /// Whether some row of the tile does not see some column of the step.
  HSAP_SHARED bool masked() const {
    return column_ < run().full_begin || column_ + width_ > run().full_end;
  }
  HSAP_SHARED void next() {
    column_ += width_;
    if (column_ < run().column_end) return;
    if (++run_ != end_) column_ = run().column_begin;
  }

 private:
  const Run* runs_;
  std::uint32_t run_;  // numbers rather than pointers: kernels are short of registers
  std::uint32_t end_;
  std::int32_t width_;
  std::int32_t column_ = 0;
};

}  // namespace hsap::kernels
