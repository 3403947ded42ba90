#pragma once

#include "kernels/primitive/primitive.hpp"

/// Rings of places in shared memory that a producer fills and consumers empty.
namespace hsap::kernels {

/// A place in a ring, and the parity of its barriers there. A consumer waits for a full place by
/// `parity`, a producer for an empty one by its opposite: its first waits return at once.
template <int Stages>
struct RingStage {
  int index = 0;
  int parity = 0;

  HSAP_DEVICE void next() {
    if (++index == Stages) {
      index = 0;
      parity ^= 1;
    }
  }
};

/// Tells the producer that this warp has read a place.
HSAP_DEVICE void release(gpu::SharedAddress empty) {
  gpu::sync_warp();
  if (gpu::lane_index() == 0) gpu::mbarrier_arrive(empty);
}

}  // namespace hsap::kernels
