#include "kernels/primitive/tensor_map.hpp"

#include <cuda.h>
#include <cuda_runtime_api.h>

#include <cstring>
#include <string>

namespace hsap::gpu {
namespace {

using Encode = decltype(&cuTensorMapEncodeTiled);

/// The driver's function by name, so that programs start where there is no driver.
Encode driver_encode() {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
  const cudaError_t error = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function,
                                                             12000, cudaEnableDefault, &found);
  if (error != cudaSuccess || found != cudaDriverEntryPointSuccess) return nullptr;
  return reinterpret_cast<Encode>(function);
}

}  // namespace

Result<TensorMap> make_tensor_map(const TensorShape& shape) {
  HSAP_CHECK(check(shape));
  static const Encode encode = driver_encode();
  if (encode == nullptr) return infeasible("the CUDA driver has no cuTensorMapEncodeTiled");

  const auto size = [](std::int64_t count) { return static_cast<cuuint64_t>(count); };
  const cuuint64_t sizes[] = {size(shape.columns), size(shape.heads), size(shape.rows)};
  // A stride over one head or row never counts; the driver is given that of a dense tensor.
  const std::int64_t line_bytes =
      (std::int64_t{shape.columns} * shape.element_bytes + 15) / 16 * 16;
  const std::int64_t head_bytes = shape.heads == 1 ? line_bytes : shape.head_stride_bytes;
  const std::int64_t row_bytes =
      shape.rows == 1 ? shape.heads * head_bytes : shape.row_stride_bytes;
  const cuuint64_t strides[] = {size(head_bytes), size(row_bytes)};
  const cuuint32_t box[] = {static_cast<cuuint32_t>(shape.box_columns), 1,
                            static_cast<cuuint32_t>(shape.box_rows)};
  const cuuint32_t steps[] = {1, 1, 1};
  CUtensorMap encoded;
  const CUresult result = encode(
      &encoded,
      shape.element_bytes == 2 ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 : CU_TENSOR_MAP_DATA_TYPE_FLOAT32,
      3, shape.data, sizes, strides, box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE,
      CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
      CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (result != CUDA_SUCCESS) {
    return infeasible("cuTensorMapEncodeTiled refuses a tensor, error " +
                      std::to_string(static_cast<int>(result)));
  }
  TensorMap map;
  static_assert(sizeof encoded == sizeof map.opaque);
  static_assert(alignof(TensorMap) >= alignof(CUtensorMap));
  std::memcpy(map.opaque, &encoded, sizeof encoded);
  return map;
}

}  // namespace hsap::gpu
