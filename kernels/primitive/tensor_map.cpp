#include "kernels/primitive/tensor_map.hpp"

#include <string>

#include "kernels/primitive/swizzle.hpp"

namespace hsap::gpu {

Status check(const TensorShape& shape) {
  if (shape.element_bytes != 2 && shape.element_bytes != 4) {
    return bad_input("TMA copies bf16 or fp32", std::to_string(shape.element_bytes) + " bytes",
                     "2 or 4");
  }
  if (shape.box_columns * shape.element_bytes != static_cast<int>(swizzle_row_bytes)) {
    return bad_input("a box must be 128 bytes wide",
                     std::to_string(shape.box_columns * shape.element_bytes), "128");
  }
  if (shape.box_rows < 1 || shape.box_rows > 256) {
    return bad_input("a box has 1 to 256 rows", std::to_string(shape.box_rows), "1 to 256");
  }
  if (shape.rows < 1 || shape.heads < 1 || shape.columns < 1) {
    return bad_input("TMA takes no tensor without numbers");
  }
  const auto good_stride = [](std::int64_t bytes, std::int32_t count) {
    return count == 1 || (bytes > 0 && bytes % 16 == 0 && bytes < std::int64_t{1} << 40);
  };
  if (reinterpret_cast<std::uintptr_t>(shape.data) % 16 != 0 ||
      !good_stride(shape.row_stride_bytes, shape.rows) ||
      !good_stride(shape.head_stride_bytes, shape.heads)) {
    return bad_input("TMA takes tensors and positive strides aligned to 16 bytes");
  }
  return {};
}

}  // namespace hsap::gpu
