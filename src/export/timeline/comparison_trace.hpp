#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hsap/schedule.hpp"
#include "hsap/simulate.hpp"

namespace hsap {

/// One pass as it was predicted and as it ran.
struct ComparedPass {
  const Schedule* schedule = nullptr;
  std::span<const Span> predicted;  ///< by begin
  std::span<const Span> measured;   ///< by begin
};

struct ComparisonOptions {
  int ranks_per_process = 1;  ///< consecutive ranks that share a process of the trace: a node
  Rank most_ranks = 64;       ///< ranks shown: the first ones
  /// Facts to keep with the trace, such as the device and the strategy.
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// Passes one after another as one Chrome trace (JSON) for ui.perfetto.dev or chrome://tracing:
/// every stream of a rank has a thread "rank 3 compute predicted" and under it "rank 3 compute
/// measured". Both timelines of a pass begin at once, when those of the pass before have ended.
/// Each operation carries both durations. Where medians would overlap the next operation of their
/// stream they end with its begin, as the format demands.
[[nodiscard]] std::string comparison_trace(std::span<const ComparedPass> passes,
                                           const ComparisonOptions& options);

}  // namespace hsap
