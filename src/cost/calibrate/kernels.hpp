#pragma once

#include "cost/calibrate/calibrate.hpp"

namespace hsap::fit {

/// Fits flop_per_s, block_overhead_s, launch_s and lone_block_rate of each pass that has rows, and
/// fixed_share where they have more than one head_dim, and overhead_row_share where packed
/// documents are shorter than a tile; adds what it found to `out`, and writes down what it was
/// fitted on. Tiles and ragged_slowdown stay.
[[nodiscard]] Status fit_kernels(const Data& data, Calibration& out);

/// The documents of a row, packed one after the other.
[[nodiscard]] std::vector<Slice> slices_of(const KernelRow& row);

/// What the model says of a row: attention_seconds() of its slices, at the cost of one of them.
[[nodiscard]] double seconds_of(const KernelRow& row, const Device& device);

/// Rows with fewer tokens on the longer side are shown but not fitted: they tell of the host alone.
inline constexpr std::int64_t min_fitted_tokens = 256;

}  // namespace hsap::fit
