#pragma once

#include "kernels/primitive/primitive.hpp"

/// Rings of places in shared memory that a producer fills and consumers empty.
namespace hsap::kernels {

/// A place in a ring, by the number of places used before it. A consumer waits for a full place by
/// `parity`, a producer for an empty one by its opposite: its first waits return at once.
template <int Stages>
struct RingStage {
  static_assert((Stages & (Stages - 1)) == 0, "a power of two, so that one register is enough");
  unsigned count = 0;

  HSAP_DEVICE int index() const { return static_cast<int>(count % Stages); }
  HSAP_DEVICE int parity() const { return static_cast<int>(count / Stages % 2); }
  HSAP_DEVICE void next() { ++count; }
  HSAP_DEVICE RingStage after() const { return {count + 1}; }
};

/// Tells the producer that this warp has read a place.
HSAP_DEVICE void release(gpu::SharedAddress empty) {
  gpu::sync_warp();
  if (gpu::lane_index() == 0) gpu::mbarrier_arrive(empty);
}

}  // namespace hsap::kernels
