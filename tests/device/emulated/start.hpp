#pragma once

#include <cuda_runtime_api.h>

#include "device/emulated/cuda.hpp"
#include "kernels/launch/start.hpp"
#include "kernels/primitive/emulation/grid.hpp"

/// Included before a .cu file, this makes it one of the emulation.
#define __launch_bounds__(...)

namespace hsap::kernels {

template <typename... Arguments>
int start(void (*kernel)(Arguments...), const Grid& grid, int threads, std::size_t shared_bytes,
          Arguments... arguments) {
  gpu::emulation::Launch launch;
  launch.blocks = grid.blocks;
  launch.threads = threads;
  launch.shared_bytes = shared_bytes;
  test::emulated::submit(grid.stream, [=]() -> std::string {
    const Status run = gpu::emulation::run(launch, [&] { kernel(arguments...); });
    return run ? "" : run.error().text();
  });
  return cudaSuccess;
}

}  // namespace hsap::kernels
