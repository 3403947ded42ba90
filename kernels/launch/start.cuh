#pragma once

#include <cuda_runtime.h>

#include "kernels/launch/start.hpp"

namespace hsap::kernels {

/// Starts a kernel that takes its arguments by value.
template <typename... Arguments>
int start(void (*kernel)(Arguments...), const Grid& grid, int threads, std::size_t shared_bytes,
          Arguments... arguments) {
  const auto* function = reinterpret_cast<const void*>(kernel);
  if (shared_bytes > 0) {
    const cudaError_t error = cudaFuncSetAttribute(
        function, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes));
    if (error != cudaSuccess) return error;
  }
  void* pointers[] = {&arguments...};
  return cudaLaunchKernel(function, dim3(grid.blocks), dim3(threads), pointers, shared_bytes,
                          static_cast<cudaStream_t>(grid.stream));
}

}  // namespace hsap::kernels
