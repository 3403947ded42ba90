#pragma once

#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "hsap/predict.hpp"
#include "hsap/tune.hpp"

namespace hsap {

/// Where predictions come from. The functions are called from several threads at once.
struct Oracle {
  /// Everything about one batch, by its number, under one strategy.
  std::function<Result<BatchPrediction>(std::size_t batch, const Strategy&)> predict;
  /// What one batch takes at least on groups of so many ranks, in objective().
  std::function<StepTimes(std::size_t batch, int ranks)> least;
  bool whole_step = true;  ///< the objective: a step of all replicas, or one layer's attention
  Pipeline pipeline;       ///< whose steps they are
};

/// Predicts candidates batch by batch. Each call touches one candidate only, so calls for
/// different candidates may run at once.
class Evaluator {
 public:
  /// `limit_bytes`: what a rank may use.
  Evaluator(std::span<const Batch> batches, Oracle oracle, std::int64_t limit_bytes)
      : batches_(batches), oracle_(std::move(oracle)), limit_bytes_(limit_bytes) {}

  [[nodiscard]] std::size_t batches() const { return batches_.size(); }

  /// The predictions of one candidate so far.
  struct State {
    std::vector<BatchPrediction> done;  ///< of the first batches
    std::vector<StepTimes> steps;       ///< objective() of these, and `least` of the others
  };

  /// Predicts the next batch, and updates seconds, tokens per second and peak memory: of the
  /// batches predicted with `least` for the others, until all are. No batch that takes longer
  /// makes a step shorter, so what follows from `least` is a lower limit too. A candidate
  /// that does not fit or fails becomes infeasible with its reason.
  void advance(Candidate& candidate, State& state) const;

  /// Sets the figures of a candidate whose batches are all predicted.
  void finish(Candidate& candidate, const State& state) const;

 private:
  void update(Candidate& candidate, const State& state) const;

  std::span<const Batch> batches_;
  Oracle oracle_;
  std::int64_t limit_bytes_;
};

/// Means over the batches (step: see expected_step(); memory: the batch that needs most; limit:
/// that of the slowest).
[[nodiscard]] Figures figures_of(std::span<const BatchPrediction> batches, const Pipeline& pipeline,
                                 int replicas, const Sharing& sharing);

/// What the search minimises of one batch: the step, or attention's seconds alone. Without the
/// breakdown, which nothing of it takes.
[[nodiscard]] StepTimes objective(const BatchPrediction& batch);

}  // namespace hsap
