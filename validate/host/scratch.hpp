#pragma once

#include <cmath>
#include <vector>

#include "validate/host/kernels.hpp"
#include "validate/host/tile_mask.hpp"

namespace hsap::host {

/// A head dimension or a count of rows padded to whole vectors; the padding holds zeros.
[[nodiscard]] constexpr std::size_t padded(std::size_t width) { return (width + 15) / 16 * 16; }

/// One head of a buffer as sums, [rows, padded width].
template <typename T>
class HeadSums {
 public:
  HeadSums(const View& view, int head, bool keep)
      : view_(view), head_(head), step_(padded(view.width)) {
    values_.assign(view.rows->count() * step_, 0);
    for (std::size_t row = 0; keep && row < view.rows->count(); ++row) {
      load(view.element, view.at(row, head), view.width, &values_[row * step_]);
    }
  }
  void write() const {
    for (std::size_t row = 0; row < view_.rows->count(); ++row) {
      store(view_.element, &values_[row * step_], view_.width, view_.at(row, head_));
    }
  }
  [[nodiscard]] T* row(std::size_t row) { return &values_[row * step_]; }
  [[nodiscard]] std::size_t step() const { return step_; }

 private:
  View view_;
  int head_;
  std::size_t step_;
  std::vector<T> values_;
};

/// Rows of one tile, [padded rows, padded width], and where each stands in its buffer. Slices of
/// short documents fill little of a tile.
template <typename T>
struct TileRows {
  std::vector<T> values;
  std::vector<std::size_t> rows;
  std::size_t step = 0;

  void read(const View& view, int head, const Interval& tokens, Token first, Token count) {
    step = padded(view.width);
    rows.resize(static_cast<std::size_t>(count));
    values.assign(padded_rows() * step, 0);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i] = (*view.rows)[tokens.at(first + static_cast<Token>(i))];
      load(view.element, view.at(rows[i], head), view.width, &values[i * step]);
    }
  }
  [[nodiscard]] std::size_t padded_rows() const { return padded(rows.size()); }
  /// The same as columns, [padded width, padded rows].
  void transpose(std::vector<T>& out) const {
    const std::size_t wide = padded_rows();
    out.resize(values.size());
    for (std::size_t i = 0; i < wide; ++i) {
      for (std::size_t d = 0; d < step; ++d) out[d * wide + i] = values[i * step + d];
    }
  }
};

}  // namespace hsap::host
