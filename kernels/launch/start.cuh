#pragma once

#include "kernels/launch/start.hpp"

// Tests that compile the .cu files for the emulation bring a start of their own.
#ifdef __CUDACC__
#include <cuda_runtime.h>

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
#endif
