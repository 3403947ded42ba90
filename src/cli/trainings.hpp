#pragma once

#include <vector>

#include "cli/options.hpp"
#include "hsap/cost.hpp"
#include "hsap/predict.hpp"

namespace hsap::cli {

/// The ways to train the rest of the model that the flags name: one, or the product of their lists
/// (ZeRO slowest). What is not given is as in `usual`. "all" of the tensor-parallel degrees is
/// every divisor of a node's GPUs, "all" of the pipeline stages every divisor of the nodes. Errors
/// name the flag.
[[nodiscard]] Result<std::vector<Training>> read_trainings(const TrainingOptions& options,
                                                           int nodes, int gpus_per_node,
                                                           const Training& usual = {});

/// Whether the cluster can be shared so, and the model cut into stages (replicas_of()). Errors name
/// the flag.
[[nodiscard]] Status check_training(const Setting& setting);

}  // namespace hsap::cli
