#pragma once

#include "kernels/primitive/emulation/memory.hpp"

namespace hsap::gpu {

void mma(float* d, const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1);
void load_matrices(std::uint32_t (&to)[4], SharedAddress row);
void load_matrices_crossed(std::uint32_t (&to)[4], SharedAddress row);
void store_matrices(SharedAddress row, const std::uint32_t (&from)[4]);
void store_matrices_crossed(SharedAddress row, const std::uint32_t (&from)[4]);
void copy_async(SharedAddress to, const void* from, bool valid);
inline void copy_async_commit() { emulation::current().copies.commit(); }
template <int Open>
void copy_async_wait() {
  emulation::current().copies.wait(Open);
}

}  // namespace hsap::gpu
