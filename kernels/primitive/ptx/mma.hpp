#pragma once

#include <cstdint>

#include "kernels/primitive/ptx/memory.hpp"

/// Matrix products of one warp and the moves that feed them (sm_80 and later; stmatrix sm_90).
namespace hsap::gpu {

/// D (16 x 8, fp32) += A (16 x 16) B (16 x 8), bf16, all in registers (fragments.hpp).
HSAP_DEVICE void mma(float* d, const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, "
      "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// Four 8 x 8 matrices of bf16: lane 8 m + i names row i (16 bytes) of matrix m; register m of lane
/// l gets elements 2 (l % 4) and 2 (l % 4) + 1 of row l / 4, or of column l / 4 when crossed.
HSAP_DEVICE void load_matrices(std::uint32_t (&to)[4], SharedAddress row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(row)
               : "memory");
}
HSAP_DEVICE void load_matrices_crossed(std::uint32_t (&to)[4], SharedAddress row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(row)
               : "memory");
}
/// The way back (sm_90).
HSAP_DEVICE void store_matrices(SharedAddress row, const std::uint32_t (&from)[4]) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(row),
               "r"(from[0]), "r"(from[1]), "r"(from[2]), "r"(from[3])
               : "memory");
}
HSAP_DEVICE void store_matrices_crossed(SharedAddress row, const std::uint32_t (&from)[4]) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(row),
               "r"(from[0]), "r"(from[1]), "r"(from[2]), "r"(from[3])
               : "memory");
}

/// Copies 16 bytes from device memory to shared memory, or writes zeros where not `valid`.
HSAP_DEVICE void copy_async(SharedAddress to, const void* from, bool valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from),
               "r"(valid ? 16 : 0)
               : "memory");
}
/// Closes this thread's open group of copies.
HSAP_DEVICE void copy_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits for all but the latest `Open` groups of this thread; others see them after a barrier.
template <int Open>
HSAP_DEVICE void copy_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(Open) : "memory");
}

}  // namespace hsap::gpu
