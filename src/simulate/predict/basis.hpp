#pragma once

#include <vector>

#include "hsap/cluster.hpp"
#include "hsap/predict.hpp"
#include "hsap/schedule.hpp"

namespace hsap {

/// What the times of one schedule rest on: attention kernels, messages inside a node and between
/// nodes, each calibrated, extrapolated or uncalibrated (ClusterSpec::calibrated). `copy` is that
/// of SimulateOptions::told.
[[nodiscard]] std::vector<Basis> basis_of(const Schedule& schedule, const Cluster& cluster,
                                          int tensor_parallel, int copy);

}  // namespace hsap
