#pragma once

#include <array>

#include "hsap/cost.hpp"
#include "hsap/model.hpp"

/// Which GPUs hold which parameters, and what ZeRO leaves of them on each.
namespace hsap {

/// Parameters of a GPU that so many data-parallel ranks hold, before ZeRO cuts them.
struct Holding {
  double parameters = 0;
  int ranks = 1;
  int stride = 1;  ///< GPUs from one rank to the next
};

/// Of `parameters` on a pipeline stage, or in a layer of it, among them those of experts:
/// tensor-parallel slices, which all `data_ranks` hold, and whole experts, which are spread over
/// expert_parallel of the stage's data_ranks x T GPUs. Without expert parallelism all are the
/// former.
[[nodiscard]] std::array<Holding, 2> holdings(double parameters, double of_experts,
                                              const Training& training, int data_ranks);
[[nodiscard]] double parameters_of(const std::array<Holding, 2>& holdings);

/// Bytes a parameter takes on a rank, by ZeRO stage over `ranks` data-parallel ranks: bf16
/// parameter (2), gradient (2 or 4), fp32 master copy and two Adam moments (12). ZeRO, arXiv
/// 1910.02054: stage 1 shards the optimizer, 2 the gradients too, 3 the parameters too. FP8
/// weights, in rows and transposed, take as much as bf16 ones; without sharding they are copies
/// beside them (Megatron's --fp8-param-gather asks for a distributed optimizer).
struct StateBytes {
  double parameter = 0;
  double gradient = 0;
  double optimizer = 0;
};
[[nodiscard]] StateBytes state_bytes(const Training& training, int ranks);

/// Bytes of parameters (in what products read) and of gradients that collectives over the ranks of
/// a holding carry in each pass. ZeRO-0 all-reduces gradients (a reduce-scatter and an all-gather)
/// behind the backward pass; 1 and 2 reduce-scatter gradients behind the backward and all-gather
/// parameters behind the next forward pass; 3 gathers parameters in both passes. Where a rank holds
/// parts only it cannot wait: stage 3 repeats both passes' for every batch that is added up, 2 the
/// backward pass's (deepspeedai/DeepSpeed issue 2252).
struct ParameterTraffic {
  double forward_bytes = 0;
  double backward_bytes = 0;
};
[[nodiscard]] ParameterTraffic parameter_traffic(double parameters, const Training& training);

}  // namespace hsap
