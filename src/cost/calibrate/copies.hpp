#pragma once

#include "cost/calibrate/calibrate.hpp"

namespace hsap::fit {

/// Fits kernel_launch_s and memory_bandwidth_bytes_per_s to kernels that move rows; adds what it
/// found to `out`.
[[nodiscard]] Status fit_copies(const Data& data, Calibration& out);

/// What no device memory exceeds, read plus write: HBM4.
inline constexpr double max_memory_bytes_per_s = 20e12;

}  // namespace hsap::fit
