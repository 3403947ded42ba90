#pragma once

#include "hsap/kernels.hpp"
#include "kernels/attention/arguments.hpp"
#include "kernels/tiles/tile_list.hpp"

/// What the launch interface does before a kernel is there: tile lists as bytes, and back.
namespace hsap::kernels {

/// A plan for tiles of this shape; family and sms are left to the caller. Errors: those of
/// plan_forward.
[[nodiscard]] Result<AttentionPlan> make_plan(Pass pass, const AttentionShape& shape,
                                              const TileShape& tile, std::span<const Slice> slices);

/// The work of a plan whose bytes lie at `bytes`.
[[nodiscard]] Work work_of(const AttentionPlan& plan, const void* bytes, void* workspace,
                           float scale);

/// Units of work that blocks take off the counter.
[[nodiscard]] std::int64_t units(const AttentionPlan& plan);

}  // namespace hsap::kernels
