#pragma once

#include <span>

#include "simulate/training/replicas.hpp"

namespace hsap {

/// expected_seconds() where a loader deals out the batches of Sharing::lookahead steps at once, at
/// least one (deal()). Who gets which follows from their FLOP alone, so no batch that takes longer
/// makes a step shorter. Of some thousand batches drawn; at most some 100,000 are dealt out
/// together, and more would make little difference.
[[nodiscard]] ExpectedSeconds dealt_seconds(std::span<const StepTimes> steps,
                                            const Pipeline& pipeline, int replicas,
                                            const Sharing& sharing);

}  // namespace hsap
