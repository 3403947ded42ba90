#pragma once

#include <span>

#include "hsap/predict.hpp"

namespace hsap {

/// Mean seconds of the slowest of `replicas`, each of which takes the mean of `accumulation`
/// batches drawn at random: what a step takes whose gradients are added up over all of them, when
/// `batch_seconds` are those of steps of one batch only. Batches count alike; at least one. Exact
/// for an accumulation of 1, else of some thousand draws. No batch that takes longer makes it less.
[[nodiscard]] double expected_slowest(std::span<const double> batch_seconds, int replicas,
                                      int accumulation);

/// What a step takes whose batches replicas draw at random.
struct ExpectedSeconds {
  double mean = 0;     ///< of the replicas
  double slowest = 0;  ///< of the slowest of them
};
/// The same for steps of one batch only on every stage of a pipeline, whose batches wait for each
/// other (pipeline_seconds()); without stages it is expected_slowest(). Beyond 256 batches a
/// replica, more of them add what they take where all are equal. Replicas that run together are one
/// replica each of whose batches is the slowest of as many.
[[nodiscard]] ExpectedSeconds expected_seconds(std::span<const StepTimes> steps,
                                               const Pipeline& pipeline, int replicas,
                                               const Sharing& sharing);

}  // namespace hsap
