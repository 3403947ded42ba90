#pragma once

#include <cstdint>

#include "kernels/attention/arguments.hpp"

/// Which rows of several tensors belong together. An element-wise kernel works on the rows of a
/// map; the first tensor holds row i of the map at one of its rows, the second at another.
namespace hsap::kernels {

/// Rows of a map that lie in every tensor at equal steps.
struct Segment {
  struct Part {
    std::int32_t row = 0;   ///< of the tensor; below 0: nowhere (reads as zeros)
    std::int32_t step = 1;  ///< from row to row
    std::int32_t head = 0;  ///< of the tensor, where the launch counts from 0
  };

  std::int32_t first = 0;  ///< rows of the segments before it
  Part parts[3];           ///< by tensor, in the order the kernel names them
};

/// Segments in device memory. Without any, row i of the map is row i of every tensor.
struct RowMap {
  const Segment* segments = nullptr;
  std::int32_t count = 0;
  std::int32_t rows = 0;  ///< of all segments
};

/// One row of a map, found by halving.
class MappedRow {
 public:
  HSAP_SHARED MappedRow(const RowMap& map, std::int32_t row) : row_(row) {
    if (map.segments == nullptr) return;
    std::int32_t low = 0;
    std::int32_t high = map.count;
    while (high - low > 1) {
      const std::int32_t middle = (low + high) / 2;
      (map.segments[middle].first <= row ? low : high) = middle;
    }
    segment_ = map.segments + low;
  }

  /// Where tensor `part` holds the row; null when nowhere.
  template <typename T>
  HSAP_SHARED T* in(const Rows<T>& tensor, int part, int head) const {
    if (segment_ == nullptr) return tensor.at(row_, head);
    const Segment::Part& at = segment_->parts[part];
    if (at.row < 0) return nullptr;
    return tensor.at(at.row + static_cast<std::int64_t>(row_ - segment_->first) * at.step,
                     head + at.head);
  }

 private:
  std::int32_t row_;
  const Segment* segment_ = nullptr;
};

}  // namespace hsap::kernels
