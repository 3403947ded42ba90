#pragma once

#include <span>

#include "simulate/training/replicas.hpp"

namespace hsap {

/// expected_seconds() where a loader deals out the batches of Sharing::lookahead steps at once, at
/// least one (deal()). Who gets which follows from their FLOP alone, so no batch that takes longer
/// makes a step shorter. Of some thousand batches drawn. At most 65,536 are dealt out together (of
/// a pipeline as many as make so many passes), and more would make little difference.
[[nodiscard]] ExpectedSeconds dealt_seconds(std::span<const StepTimes> steps,
                                            const Pipeline& pipeline, int replicas,
                                            const Sharing& sharing);

}  // namespace hsap
