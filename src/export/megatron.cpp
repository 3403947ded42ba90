#include <fmt/format.h>

#include "export/trainer.hpp"

namespace hsap {
namespace {

/// The shortest sequence that Megatron takes for `context` tokens on so many ranks.
Token sequence_length(Token context, int ranks) {
  if (ranks == 1) return context;
  const Token multiple = 2 * ranks;
  return (context + multiple - 1) / multiple * multiple;
}

}  // namespace

Draft megatron_options(const Plan& plan) {
  Draft draft;
  const TransformerEngineChoice choice = choose_transformer_engine(plan, draft);
  const int size = choice.a2a * choice.p2p;
  auto& lines = draft.lines;
  lines.push_back(fmt::format("--tensor-model-parallel-size {}", plan.training.tensor_parallel));
  lines.push_back(fmt::format("--context-parallel-size {}", size));
  // Megatron's help spells "allgather", but TransformerEngine accepts only "all_gather".
  if (size > 1) lines.push_back("--cp-comm-type " + choice.comm_type);
  if (choice.comm_type == "a2a+p2p") {
    lines.push_back(
        fmt::format("--hierarchical-context-parallel-sizes {} {}", choice.a2a, choice.p2p));
  }
  const std::string window = window_size(plan.problem.mask);
  if (!window.empty()) lines.push_back("--window-size " + window);
  if (plan.problem.mask.kind == Mask::Kind::full) {
    draft.lose("mask full", "attention of its GPT layers is causal", "causal");
  }
  const Token length = sequence_length(plan.problem.context, size);
  lines.push_back(fmt::format("--seq-length {}", length));
  if (length != plan.problem.context) {
    draft.lose(fmt::format("context {}", plan.problem.context),
               fmt::format("--seq-length must be a multiple of {}", 2 * size),
               fmt::format("--seq-length {}", length));
  }
  lines.push_back("--micro-batch-size 1");
  lines.push_back(fmt::format("--global-batch-size {}", batches_per_step(plan)));
  // Its default for bf16, gradients in fp32, takes 2 bytes a parameter that the plan does not
  // count.
  lines.push_back("--grad-reduce-in-bf16");
  if (plan.training.zero >= 1) lines.push_back("--use-distributed-optimizer");
  if (plan.training.zero >= 2) {
    draft.lose(fmt::format("ZeRO {}", plan.training.zero),
               "--use-distributed-optimizer shards the optimizer only", "ZeRO 1");
  }
  return draft;
}

}  // namespace hsap
