#pragma once

#include <span>

namespace hsap {

/// Mean seconds of the slowest of `replicas`, each of which draws one of the batches at random: what
/// a step takes whose gradients are added up over all of them. Batches count alike; at least one.
[[nodiscard]] double expected_slowest(std::span<const double> batch_seconds, int replicas);

}  // namespace hsap
