#pragma once

#include <cuda_runtime_api.h>

#include "device/probes.hpp"
#include "kernels/launch/start.cuh"

namespace test {

template <typename Kernel>
__global__ void __launch_bounds__(Kernel::threads)
    probe_kernel(const __grid_constant__ ProbeArguments on) {
  Kernel::run(on);
}

/// Starts probes on the current device and waits for them.
struct OnDevice {
  template <typename Kernel>
  static std::string start(const ProbeArguments& on) {
    int error = hsap::kernels::start(probe_kernel<Kernel>, {1, nullptr}, Kernel::threads,
                                     probe_shared_bytes + gpu::swizzle_atom_bytes, on);
    if (error == cudaSuccess) error = cudaDeviceSynchronize();
    return error == cudaSuccess ? "" : cudaGetErrorString(static_cast<cudaError_t>(error));
  }
};

}  // namespace test
