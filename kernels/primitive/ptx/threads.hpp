#pragma once

#include "kernels/primitive/fragments.hpp"

/// Threads of a block: who they are, and how they wait for each other.
namespace hsap::gpu {

HSAP_DEVICE int thread_index() { return static_cast<int>(threadIdx.x); }
HSAP_DEVICE int block_index() { return static_cast<int>(blockIdx.x); }
HSAP_DEVICE int block_count() { return static_cast<int>(gridDim.x); }
HSAP_DEVICE int lane_index() { return thread_index() % warp_size; }

/// The same in all lanes, and known to the compiler to be.
HSAP_DEVICE int warp_index() { return __shfl_sync(0xffffffff, thread_index() / warp_size, 0); }

HSAP_DEVICE void sync_block() { __syncthreads(); }
HSAP_DEVICE void sync_warp() { __syncwarp(); }

/// Barrier `id` (1-15) of `threads` threads, a multiple of 32: waits until all have come.
HSAP_DEVICE void named_barrier_sync(int id, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}
/// Counts as having come, and goes on.
HSAP_DEVICE void named_barrier_arrive(int id, int threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

/// The value of the lane whose number differs by `mask`.
template <typename T>
HSAP_DEVICE T shuffle_xor(T value, int mask) {
  return __shfl_xor_sync(0xffffffff, value, mask);
}
template <typename T>
HSAP_DEVICE T shuffle(T value, int lane) {
  return __shfl_sync(0xffffffff, value, lane);
}

/// Registers a thread of this warpgroup may use from here on: 24 to 240, a multiple of 8. Every
/// warp of the warpgroup calls it.
template <int Registers>
HSAP_DEVICE void raise_registers() {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Registers));
#endif
}
template <int Registers>
HSAP_DEVICE void lower_registers() {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Registers));
#endif
}

}  // namespace hsap::gpu
