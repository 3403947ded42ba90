#pragma once

#include "cost/calibrate/calibrate.hpp"

namespace hsap::fit {

/// Fits nvlink to the rounds inside a node, and nic or node_bandwidth with the latencies of the
/// links between nodes to the others; adds what it found to `out`.
[[nodiscard]] Status fit_links(const Data& data, Calibration& out);

/// Smaller messages are shown but not fitted: they tell of the host and the protocol.
inline constexpr double min_fitted_bytes = 64 << 10;
/// Errors are told apart below and above this size.
inline constexpr double large_bytes = 1 << 20;

/// What no link of the class exceeds in one direction: all NVLinks of a GPU (NVLink 5), and the
/// fastest network card there is (800 Gbit/s).
inline constexpr double max_nvlink_bytes_per_s = 900e9;
inline constexpr double max_nic_bytes_per_s = 100e9;

}  // namespace hsap::fit
