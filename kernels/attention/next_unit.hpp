#pragma once

#include "kernels/attention/arguments.hpp"
#include "kernels/primitive/primitive.hpp"

namespace hsap::kernels {

/// The next of `units` to do, for one thread of each block; none is left when it is no smaller. A
/// block asks once more than it finds any, so the last one to ask knows that it is, and sets the
/// counter back for the next launch.
HSAP_DEVICE int next_unit(std::int32_t* next, int units) {
  const int unit = gpu::atomic_add(next, 1);
  if (unit == units + gpu::block_count() - 1) *next = 0;
  return unit;
}

}  // namespace hsap::kernels
