#pragma once

#include <span>

namespace hsap {

/// Mean seconds of the slowest of `replicas`, each of which takes the mean of `accumulation`
/// batches drawn at random: what a step takes whose gradients are added up over all of them, when
/// `batch_seconds` are those of steps of one batch only. Batches count alike; at least one. Exact
/// for an accumulation of 1, else of some thousand draws. No batch that takes longer makes it less.
[[nodiscard]] double expected_slowest(std::span<const double> batch_seconds, int replicas,
                                      int accumulation);

}  // namespace hsap
