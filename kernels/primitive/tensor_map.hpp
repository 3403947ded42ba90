#pragma once

#include <cstddef>
#include <cstdint>

#include "hsap/status.hpp"

namespace hsap::gpu {

/// What TMA knows of a tensor of rows x heads x columns in device memory. Passed to kernels by
/// value, as a __grid_constant__ parameter. On the GPU the bits are the driver's (CUtensorMap); the
/// emulation keeps a TensorShape there.
struct alignas(128) TensorMap {
  std::uint64_t opaque[16] = {};
};

/// The innermost dimension is contiguous. A box is `box_columns` x 1 head x `box_rows`; rows, heads
/// and columns outside of the tensor read as zero and are not written.
struct TensorShape {
  void* data = nullptr;            ///< aligned to 16 bytes
  std::int32_t element_bytes = 2;  ///< 2: bf16, 4: fp32
  std::int32_t columns = 0;
  std::int32_t heads = 0;
  std::int32_t rows = 0;
  std::int64_t head_stride_bytes = 0;  ///< a multiple of 16
  std::int64_t row_stride_bytes = 0;   ///< a multiple of 16
  std::int32_t box_columns = 0;        ///< 128 bytes: the swizzle of swizzle.hpp
  std::int32_t box_rows = 0;           ///< 1 to 256
};

/// Errors (bad_input): sizes, strides or alignments that TMA does not take.
[[nodiscard]] Status check(const TensorShape& shape);

/// Errors: those of check; no driver (infeasible).
[[nodiscard]] Result<TensorMap> make_tensor_map(const TensorShape& shape);

}  // namespace hsap::gpu
