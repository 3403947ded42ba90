#pragma once

#include "cost/calibrate/link_rows.hpp"

namespace hsap::fit {

/// Fits nic or node_bandwidth, and the latencies of the links between nodes, to the rounds between
/// nodes; adds what it found to `out`. Errors: too few rows.
[[nodiscard]] Status fit_network(const LinkRows& links, Calibration& out);

}  // namespace hsap::fit
