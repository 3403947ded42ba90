#pragma once

#include <cstdint>

#include "hsap/kernels.hpp"
#include "kernels/attention/arguments.hpp"

namespace hsap::kernels {

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
