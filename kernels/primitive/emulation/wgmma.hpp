#pragma once

#include "kernels/primitive/emulation/block.hpp"

namespace hsap::gpu {

void wgmma_fence();
void wgmma_commit();
/// Waits for all but the latest `open` groups.
void wgmma_wait_all_but(int open);
template <int Open>
void wgmma_wait() {
  wgmma_wait_all_but(Open);
}
template <int Registers>
void hold_registers(float (&)[Registers]) {}

/// Issues this thread's part of a product.
void issue_product(const emulation::Product& call, float* d, const std::uint32_t* a);

template <Operand A, Operand B, int Registers>
void wgmma(float (&d)[Registers], MatrixDescriptor a, MatrixDescriptor b, bool keep) {
  emulation::Product call;
  call.columns = 2 * Registers;
  call.keep = keep;
  call.a = a;
  call.b = b;
  call.a_operand = A;
  call.b_operand = B;
  issue_product(call, d, nullptr);
}

template <Operand B, int Registers>
void wgmma(float (&d)[Registers], const std::uint32_t (&a)[4], MatrixDescriptor b, bool keep) {
  emulation::Product call;
  call.columns = 2 * Registers;
  call.keep = keep;
  call.a_in_registers = true;
  call.b = b;
  call.b_operand = B;
  issue_product(call, d, a);
}

}  // namespace hsap::gpu
