#pragma once

#include <cstdint>

#include "kernels/primitive/bfloat16.hpp"
#include "kernels/primitive/tensor_map.hpp"
#include "kernels/tiles/tile.hpp"

/// What attention kernels get, by value. Strides count elements.
namespace hsap::kernels {

/// A TileList in device memory.
struct DeviceTiles {
  const Tile* tiles = nullptr;
  const Run* runs = nullptr;
  const Band* bands = nullptr;
  std::int32_t count = 0;
};

/// Rows x heads x columns, the columns next to each other.
template <typename T>
struct Rows {
  T* data = nullptr;
  std::int64_t row_stride = 0;
  std::int64_t head_stride = 0;

  HSAP_SHARED T* at(std::int64_t row, int head) const {
    return data + row * row_stride + head * head_stride;
  }
};

struct ForwardArguments {
  gpu::TensorMap q;  ///< boxes of the kernel's rows x 64 columns
  gpu::TensorMap k;  ///< boxes of the kernel's keys x 64 columns
  gpu::TensorMap v;
  DeviceTiles tiles;
  std::int32_t heads = 0;               ///< query heads
  std::int32_t heads_per_key_head = 1;  ///< of the model
  std::int32_t head_offset = 0;         ///< position of the first query head in its group
  float scale_log2 = 0;                 ///< softmax scale times log2(e)
  bool accumulate = false;              ///< merges into what o and lse hold
  Rows<gpu::Bfloat16> o_bf16;           ///< one of the two has data
  Rows<float> o_fp32;
  Rows<float> lse;                    ///< natural logarithm
  std::int32_t* next_work = nullptr;  ///< 0 at launch
};

}  // namespace hsap::kernels
