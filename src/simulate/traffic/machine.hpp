#pragma once

#include <functional>
#include <vector>

#include "hsap/cluster.hpp"

namespace hsap {

/// What the engine knows of a cluster. Tests wire small machines by hand.
struct Machine {
  int gpus = 0;
  int gpus_per_node = 1;
  double memory_bandwidth_bytes_per_s = 0;       ///< of every GPU, read plus write
  int multiprocessors = 1;                       ///< of every GPU
  double channel_bytes_per_s = 0;                ///< Device::channel_bytes_per_s
  double in_switch = 0;                          ///< ClusterSpec::in_switch
  std::vector<double> links;                     ///< bandwidth, by LinkId
  std::function<Route(int from, int to)> route;  ///< of two GPUs; the links outlive the machine
};

/// A view of the cluster, which must outlive it.
[[nodiscard]] Machine machine_of(const Cluster& cluster);

}  // namespace hsap
