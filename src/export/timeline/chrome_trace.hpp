#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hsap/cluster.hpp"
#include "hsap/schedule.hpp"
#include "hsap/simulate.hpp"

namespace hsap {

/// A schedule and its simulation with a timeline.
struct TracedPass {
  const Schedule* schedule = nullptr;
  const Simulation* simulation = nullptr;
};

struct TraceOptions {
  int gpus_per_rank = 1;        ///< tensor-parallel degree: rank r is shown on the node of its
                                ///< first GPU
  Rank most_ranks = 64;         ///< ranks shown: the first ones
  std::size_t most_links = 16;  ///< links shown: those that carry most
  /// Facts to keep with the trace, such as the cluster and the strategy.
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// The passes one after another as a Chrome trace (JSON) for ui.perfetto.dev or chrome://tracing:
/// a process for each node, a thread for each stream of a rank, arrows from send to receive, and a
/// counter for each of the busiest links. What is left out is said in "otherData".
/// Times are microseconds. Operations of one stream never overlap, as the format demands.
[[nodiscard]] std::string chrome_trace(std::span<const TracedPass> passes, const Cluster& cluster,
                                       const TraceOptions& options);

}  // namespace hsap
