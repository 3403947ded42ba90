#pragma once

#include "kernels/primitive/qualifiers.hpp"

/// Which element of a matrix each thread holds in the registers of a tensor-core instruction.
/// Source: PTX ISA, "Matrix fragments for mma.m16n8k16" and "Register fragments for
/// wgmma.mma_async.m64nNk16"; they agree within a warp.
namespace hsap::gpu {

inline constexpr int warp_size = 32;
inline constexpr int warpgroup_size = 128;

struct Place {
  int row;
  int column;
};

/// Register `i` of the fp32 accumulator of 16 rows (a warp) or 64 rows (a warpgroup) x N columns.
HSAP_SHARED Place accumulator_place(int thread, int i) {
  const int lane = thread % warp_size;
  const int warp = thread / warp_size;
  return {16 * warp + lane / 4 + 8 * (i / 2 % 2), 8 * (i / 4) + 2 * (lane % 4) + i % 2};
}

/// Half `half` (0 or 1) of register `i` of the bf16 operand A, 16 columns.
HSAP_SHARED Place operand_a_place(int thread, int i, int half) {
  const int lane = thread % warp_size;
  const int warp = thread / warp_size;
  return {16 * warp + lane / 4 + 8 * (i % 2), 8 * (i / 2) + 2 * (lane % 4) + half};
}

/// Half `half` of register `i` (0 or 1) of the bf16 operand B of mma.m16n8k16: 16 rows (k) of 8
/// columns (n).
HSAP_SHARED Place operand_b_place(int lane, int i, int half) {
  return {8 * i + 2 * (lane % 4) + half, lane / 4};
}

/// Rows that one thread holds of an accumulator: accumulator_place of i and of i + 2.
inline constexpr int rows_per_thread = 2;

/// Which of a thread's two rows register `i` of an accumulator belongs to.
HSAP_SHARED int row_of_register(int i) { return i / 2 % 2; }

}  // namespace hsap::gpu
