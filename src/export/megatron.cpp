#include <fmt/format.h>

#include "export/trainer.hpp"

namespace hsap {

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
  lines.push_back(fmt::format("--seq-length {}", plan.problem.context));
  if (plan.problem.context % (2 * size) != 0 && size > 1) {
    draft.lose(fmt::format("context {}", plan.problem.context),
               fmt::format("--seq-length must be a multiple of {}", 2 * size),
               fmt::format("--seq-length {}", plan.problem.context / (2 * size) * (2 * size)));
  }
  if (plan.training.zero >= 1) lines.push_back("--use-distributed-optimizer");
  if (plan.training.zero >= 2) {
    draft.lose(fmt::format("ZeRO {}", plan.training.zero),
               "--use-distributed-optimizer shards the optimizer only", "ZeRO 1");
  }
  return draft;
}

}  // namespace hsap
