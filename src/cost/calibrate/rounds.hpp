#pragma once

#include "cost/measurements/data.hpp"
#include "hsap/cluster.hpp"

namespace hsap::fit {

/// How the transfers of a pattern lie on a cluster's links.
struct Shape {
  bool inter_node = false;   ///< at least one of them leaves its node
  bool over_nvlink = false;  ///< the others take no other links than NVLinks
  double latency_s = 0;      ///< of the longest route
  int nvlinks = 0;           ///< on that route
  double nvlink_share = 0;   ///< messages on the busiest NVLink, per lane
  double nic_share = 0;      ///< messages through the busiest NIC
  double node_share = 0;     ///< messages out of, or into, the busiest node
};

[[nodiscard]] Shape shape_of(const Cluster& cluster, const Pattern& pattern);

/// Seconds of a round of equal messages begun at once: each takes the latency of its route, then
/// as long as alone or as the most burdened link it passes needs for all that it carries. The
/// simulator says the same of rounds in which no link changes hands.
[[nodiscard]] double round_seconds(const Cluster& cluster, const Pattern& pattern, double bytes);

}  // namespace hsap::fit
