#pragma once

#include <vector>

#include "cli/options.hpp"
#include "hsap/cost.hpp"

namespace hsap::cli {

/// The ways to train the rest of the model that the flags name: one, or the product of their lists
/// (ZeRO slowest). "all" of the tensor-parallel degrees is every divisor of a node's GPUs; whether
/// others fit a node is for replicas_of() to tell. Errors name the flag.
[[nodiscard]] Result<std::vector<Training>> read_trainings(const TrainingOptions& options,
                                                           int gpus_per_node);

}  // namespace hsap::cli
