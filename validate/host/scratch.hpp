#pragma once

#include <cmath>
#include <vector>

#include "validate/host/kernels.hpp"
#include "validate/host/tile_mask.hpp"

namespace hsap::host {

/// Head dimension padded so that tiles have whole vectors; the padding holds zeros.
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

/// Rows of one tile, [tile, padded width], and where each stands in its buffer.
template <typename T>
struct TileRows {
  std::vector<T> values;
  std::vector<std::size_t> rows;
  std::size_t step = 0;

  void read(const View& view, int head, const Interval& tokens, Token first, Token count) {
    step = padded(view.width);
    values.assign(tile_side * step, 0);
    rows.resize(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i] = (*view.rows)[tokens.at(first + static_cast<Token>(i))];
      load(view.element, view.at(rows[i], head), view.width, &values[i * step]);
    }
  }
  /// The same as columns, [padded width, tile].
  void transpose(std::vector<T>& out) const {
    out.resize(values.size());
    for (std::size_t i = 0; i < tile_side; ++i) {
      for (std::size_t d = 0; d < step; ++d) {
        out[d * tile_side + i] = values[i * step + d];
      }
    }
  }
};

}  // namespace hsap::host
