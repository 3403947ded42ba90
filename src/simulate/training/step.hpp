#pragma once

#include <cstdint>
#include <vector>

#include "hsap/predict.hpp"

namespace hsap {

/// One layer's attention in one pass, on the rank that finishes last.
struct PassTimes {
  double seconds = 0;
  double compute_s = 0;
  double communication_s = 0;
  double exposed_communication_s = 0;
  double host_s = 0;  ///< the host issues it
};

/// Attention of the layers that have one mask.
struct LayerAttention {
  double share = 1;  ///< of all layers
  PassTimes forward;
  PassTimes backward;
};

/// Layouts keep shards equal within a token, and Ulysses their members again: no rank holds this
/// many tokens more or less than an equal share (docs/bounds.md).
inline constexpr std::int64_t uneven_tokens = 2;

/// What one training step is made of.
struct StepInput {
  const Setting& setting;
  int ranks = 1;  ///< P, of one sequence-parallel group
  int replicas = 1;
  int accumulation = 1;          ///< batches of each replica
  Pipeline pipeline;             ///< of the setting
  std::int64_t tokens = 0;       ///< of one batch
  std::int64_t rank_tokens = 0;  ///< on the rank with most tokens
  std::int64_t pairs = 0;        ///< unmasked (query, key) pairs of the batch in the mean layer
  std::vector<LayerAttention> attention;  ///< shares add up to 1
};

/// Megatron-SP communication of attention, and as much again of the MLP, in one layer: collectives
/// of tokens x hidden each. Forward an all-gather and a reduce-scatter; backward their mirror
/// images and the all-gather again (the input of the weight gradient). What is gathered is an
/// operand of a product, so that FP8 halves it (TransformerEngine, torchao); sums are bf16.
inline constexpr int tensor_gathers_forward = 1;
inline constexpr int tensor_gathers_backward = 2;
inline constexpr int tensor_scatters = 1;

/// Share of the overlapped time that communication behind a kernel costs, one way or the other.
[[nodiscard]] double overlap_loss(const Runtime& runtime, const Device& device);

/// Seconds that `communication_s` adds to `compute_s` and `idle_s` when it can hide behind both but
/// for the share of one of `layers`, and the share `lost` of what overlaps with the former is lost.
[[nodiscard]] double exposed_seconds(double communication_s, double compute_s, double idle_s,
                                     double lost, int layers);

/// One step of the whole model: docs/step-and-memory.md lists the parts. The model has layers.
[[nodiscard]] StepTimes step_times(const StepInput& input);

/// Calls visit(time_of) for each time of a step and of its parts; time_of(step) is a reference to
/// it.
template <typename Visit>
void each_time(const Visit& visit) {
  visit([](auto& step) -> auto& { return step.seconds; });
  for (double StepParts::*part :
       {&StepParts::layer_forward_s, &StepParts::layer_backward_s, &StepParts::embedding_forward_s,
        &StepParts::embedding_backward_s, &StepParts::loss_forward_s, &StepParts::loss_backward_s,
        &StepParts::message_s, &StepParts::once_s}) {
    visit([part](auto& step) -> auto& { return step.parts.*part; });
  }
}

}  // namespace hsap
