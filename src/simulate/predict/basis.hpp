#pragma once

#include <vector>

#include "hsap/cluster.hpp"
#include "hsap/predict.hpp"
#include "hsap/schedule.hpp"

namespace hsap {

/// What the times of one schedule rest on: attention kernels, messages inside a node and between
/// nodes, each calibrated, extrapolated or uncalibrated (ClusterSpec::calibrated).
[[nodiscard]] std::vector<Basis> basis_of(const Schedule& schedule, const Cluster& cluster,
                                          int tensor_parallel);

/// Joins the lists of several schedules: a number is as weak as its weakest.
[[nodiscard]] std::vector<Basis> joined(const std::vector<std::vector<Basis>>& lists);

}  // namespace hsap
