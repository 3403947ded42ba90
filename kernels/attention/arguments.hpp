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

/// Heads and work of an attention launch.
struct Work {
  DeviceTiles tiles;
  std::int32_t query_rows = 0;
  std::int32_t key_rows = 0;
  std::int32_t heads = 0;               ///< query heads
  std::int32_t key_heads = 0;           ///< that they see
  std::int32_t heads_per_key_head = 1;  ///< of the model
  std::int32_t head_offset = 0;         ///< position of the first query head in its group
  float scale = 0;                      ///< of the scores before the softmax
  std::int32_t* next = nullptr;         ///< work to take next; 0 at launch and after it

  HSAP_SHARED int key_head(int head) const { return (head + head_offset) / heads_per_key_head; }
  /// Query heads [begin, end) that see a key head.
  HSAP_SHARED int heads_begin(int key_head) const {
    const int begin = key_head * heads_per_key_head - head_offset;
    return begin > 0 ? begin : 0;
  }
  HSAP_SHARED int heads_end(int key_head) const {
    const int end = (key_head + 1) * heads_per_key_head - head_offset;
    return end < heads ? end : heads;
  }
};

struct ForwardArguments {
  Work work;  ///< tiles on the query side
  Rows<const gpu::Bfloat16> q;
  Rows<const gpu::Bfloat16> k;
  Rows<const gpu::Bfloat16> v;
  Rows<gpu::Bfloat16> o_bf16;  ///< one of the two has data
  Rows<float> o_fp32;
  Rows<float> lse;          ///< natural logarithm
  bool accumulate = false;  ///< merges into what o and lse hold
};

/// The same operands as TMA sees them, with boxes of 64 columns: q of the kernel's rows, k and v of
/// its keys.
struct ForwardMaps {
  gpu::TensorMap q;
  gpu::TensorMap k;
  gpu::TensorMap v;
};

/// Gradients are added to what dq, dk and dv hold.
struct BackwardArguments {
  Work work;  ///< tiles on the key side
  Rows<const gpu::Bfloat16> q;
  Rows<const gpu::Bfloat16> k;
  Rows<const gpu::Bfloat16> v;
  Rows<const gpu::Bfloat16> dout;
  Rows<const float> lse;    ///< of the complete softmax; rows of -inf count nothing
  Rows<const float> delta;  ///< rowsum(o * do)
  Rows<float> dq;
  Rows<float> dk;
  Rows<float> dv;
};

/// Boxes of 64 columns: q and dout of the kernel's queries, k and v of its keys.
struct BackwardMaps {
  gpu::TensorMap q;
  gpu::TensorMap k;
  gpu::TensorMap v;
  gpu::TensorMap dout;
};

}  // namespace hsap::kernels
