#pragma once

#include "kernels/primitive/emulation/memory.hpp"
#include "kernels/primitive/tensor_map.hpp"

namespace hsap::gpu {

inline void tma_prefetch(const TensorMap&) {}
void tma_load(const TensorMap& map, SharedAddress to, SharedAddress barrier, int column, int head,
              int row);
void tma_store(const TensorMap& map, SharedAddress from, int column, int head, int row);
void tma_add(const TensorMap& map, SharedAddress from, int column, int head, int row);
inline void tma_commit() { emulation::current().stores.commit(); }
template <int Open>
void tma_wait_read() {
  emulation::current().stores.wait(Open);
}

}  // namespace hsap::gpu
