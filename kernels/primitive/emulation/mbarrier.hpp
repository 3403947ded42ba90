#pragma once

#include "kernels/primitive/emulation/memory.hpp"

namespace hsap::gpu {

void mbarrier_init(SharedAddress barrier, int arrivals);
inline void fence_mbarrier_init() {}
void mbarrier_arrive(SharedAddress barrier);
void mbarrier_arrive_expect(SharedAddress barrier, std::uint32_t bytes);
void mbarrier_wait(SharedAddress barrier, int parity);

}  // namespace hsap::gpu
