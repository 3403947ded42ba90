#pragma once

#include <cstdint>
#include <vector>

#include "hsap/schedule.hpp"

namespace hsap {

/// Of every buffer in memory: what vector loads, TMA and peer copies take, and whole cache lines.
inline constexpr std::int64_t buffer_alignment = 128;

/// Where every buffer lies in one piece of memory per rank, for executors that take all memory
/// once. Inputs, outputs and saved buffers have room of their own. Staging buffers of the same
/// dtype share room where the schedule itself orders every use of one before every use of the
/// other, so whatever the timing, no one overwrites what is still needed. Never of different
/// dtypes: what a buffer holds before it is filled is then still a number of its dtype, and GPU
/// kernels read rows beside their slices with weight 0, where NaN would count.
struct BufferPlan {
  std::vector<std::int64_t> offset_bytes;  ///< by buffer; -1 for one that no operation touches
  std::vector<std::int64_t> bytes;         ///< by rank: of the whole piece
};

/// First fit in the order of first use. Quadratic in the staging buffers of a rank. The schedule
/// must be well-formed in the sense of verify().
[[nodiscard]] BufferPlan plan_buffers(const Schedule& schedule);

}  // namespace hsap
