#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/terminal.hpp"
#include "hsap/predict.hpp"

namespace hsap {

/// A strategy, and what became of it.
struct SimRun {
  Strategy strategy;
  std::optional<std::string> illegal;  ///< why it cannot be compiled for some batch, or share the
                                       ///< global batch
  Prediction prediction;               ///< when legal
  double wall_s = 0;                   ///< from its first batch's start to its last one's end
};

/// The runs of some strategies in their order, and what all of them took by the clock.
struct SimRuns {
  std::vector<SimRun> runs;
  double wall_s = 0;
};

/// Predicts every strategy for every batch, in parallel. The answer does not depend on `threads`
/// (0: one per core). Illegal strategies are marked; any other error is returned, that of the first
/// strategy and batch that has one.
[[nodiscard]] Result<SimRuns> run_all(std::span<const Strategy> strategies,
                                      std::span<const Batch> batches, const Setting& setting,
                                      int threads, cli::Progress& progress);

/// The Chrome trace of one batch: its passes one after another.
[[nodiscard]] Result<std::string> trace_of(const Batch& batch, const Strategy& strategy,
                                           const Setting& setting);

}  // namespace hsap
