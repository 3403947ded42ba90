#pragma once

#include <vector>

#include "cli/options.hpp"
#include "hsap/cost.hpp"
#include "hsap/predict.hpp"

namespace hsap::cli {

/// The ways to train the rest of the model that the flags name: one, or the product of their lists
/// (ZeRO slowest). What is not given is as in `usual`. "all" of the tensor-parallel degrees is
/// every divisor of a node's GPUs, of the pipeline stages every divisor of the nodes, of the
/// expert-parallel degrees every divisor of both the experts and the GPUs. Activations are
/// offloaded only beside full checkpointing where that is one of the policies. Errors name the
/// flag.
[[nodiscard]] Result<std::vector<Training>> read_trainings(const TrainingOptions& options,
                                                           const Cluster& cluster,
                                                           const Model& model,
                                                           const Training& usual = {});

/// Whether the device multiplies so (check_matmul()), the host can hold what is offloaded
/// (check_offload()), the cluster can be shared so, the model cut
/// into stages and its experts shared out (replicas_of()). Errors name the flag.
[[nodiscard]] Status check_training(const Setting& setting);

}  // namespace hsap::cli
