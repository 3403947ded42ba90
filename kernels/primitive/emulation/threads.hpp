#pragma once

#include <cstring>

#include "kernels/primitive/emulation/block.hpp"
#include "kernels/primitive/qualifiers.hpp"

namespace hsap::gpu {

inline int thread_index() { return emulation::current().index; }
inline int block_index() { return emulation::current().block->index; }
inline int block_count() { return emulation::current().block->grid.blocks(); }
inline int lane_index() { return thread_index() % warp_size; }
inline int warp_index() { return thread_index() / warp_size; }

void named_barrier_sync(int id, int threads);
void named_barrier_arrive(int id, int threads);
void sync_block();
inline void sync_warp() {
  emulation::meet_warp(nullptr, "sync_warp", [](std::span<void* const>) {});
}

template <typename T>
T shuffle_xor(T value, int mask) {
  struct Lane {
    T given;
    T got;
    int mask;
  } mine{value, value, mask};
  emulation::meet_warp(&mine, "shuffle_xor", [](std::span<void* const> lanes) {
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      auto* lane = static_cast<Lane*>(lanes[i]);
      lane->got = static_cast<Lane*>(lanes[i ^ static_cast<std::size_t>(lane->mask)])->given;
    }
  });
  return mine.got;
}

template <typename T>
T shuffle(T value, int from) {
  struct Lane {
    T given;
    T got;
    int from;
  } mine{value, value, from};
  emulation::meet_warp(&mine, "shuffle", [](std::span<void* const> lanes) {
    for (void* each : lanes) {
      auto* lane = static_cast<Lane*>(each);
      lane->got = static_cast<Lane*>(lanes[static_cast<std::size_t>(lane->from)])->given;
    }
  });
  return mine.got;
}

template <int Registers>
void raise_registers() {}
template <int Registers>
void lower_registers() {}

}  // namespace hsap::gpu
