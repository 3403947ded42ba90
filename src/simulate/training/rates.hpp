#pragma once

#include "hsap/cluster.hpp"

namespace hsap {

/// What a GPU and a node can move in one direction, from the cluster's links.
struct Rates {
  double gpu_links_bytes_per_s = 0;  ///< all links of a GPU together
  double gpu_pair_latency_s = 0;
  double node_bytes_per_s = 0;  ///< all NICs of a node together; 0: one node
  double node_latency_s = 0;    ///< between neighbouring nodes
};

[[nodiscard]] Rates rates_of(const Cluster& cluster);

/// Seconds of an all-gather or reduce-scatter of `bytes` (the whole, not a share) over the same
/// part of `gpus` consecutive GPUs `stride` apart, while the GPUs between them do the same with
/// theirs. Rings: a GPU takes in bytes (gpus - 1) / gpus, at the pace of the busiest link of the
/// node, and a node as much for each of its `stride` groups over its NICs and the uplinks of its
/// leaf; the slowest counts, plus a latency for each doubling of the group.
[[nodiscard]] double collective_seconds(const Cluster& cluster, double bytes, int gpus, int stride);

/// Seconds until each of `gpus` consecutive GPUs has sent an equal part of `bytes` to every one of
/// them, itself included, while all such groups do so: over the busiest link of the node, over the
/// NICs, which it shares with the other GPUs of the node, or over the uplinks, which nodes share;
/// the slowest counts, plus a latency.
[[nodiscard]] double all_to_all_seconds(const Cluster& cluster, double bytes, int gpus);

/// Seconds until every GPU has the message of `bytes` that it gets from the GPU `distance` before
/// it, while all do so: over the busiest link of a node, or, where some peer is in another one, its
/// share of the node's NICs and of the uplinks; the slowest counts, plus the latency.
[[nodiscard]] double shifted_seconds(const Cluster& cluster, double bytes, int distance);

}  // namespace hsap
