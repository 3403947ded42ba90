#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hsap/schedule.hpp"
#include "simulate/engine/clock.hpp"

namespace hsap {

/// Most bytes of buffers alive at once on each of the first `ranks` ranks, given when each of their
/// operations began and ended.
/// A buffer lives from the first begin to the last end of the operations that touch it; an input
/// from time 0, an output or a saved buffer to the end. A buffer that nothing touches takes no
/// memory. At one instant memory is given back before it is taken.
[[nodiscard]] std::vector<std::int64_t> peak_buffer_bytes(const Schedule& schedule, Rank ranks,
                                                          std::span<const Period> periods);

}  // namespace hsap
