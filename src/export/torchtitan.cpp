#include <fmt/format.h>

#include "export/trainer.hpp"

namespace hsap {
namespace {

/// The load balancer with the plan's layout, or the nearest one.
const char* load_balancer(const Plan& plan, Draft& draft) {
  switch (plan.strategy.layout) {
    case Layout::contiguous:
      return "None";
    case Layout::zigzag:
      return "headtail";
    default:
      draft.lose_choice("layout " + std::string(to_string(plan.strategy.layout)),
                        "context_parallel_load_balancer has no such value", "headtail (zigzag)");
      return "headtail";
  }
}

}  // namespace

Draft torchtitan_options(const Plan& plan) {
  Draft draft;
  const Strategy& strategy = plan.strategy;
  const int degree = strategy.ranks();
  auto& lines = draft.lines;
  lines.push_back(fmt::format("--parallelism.context_parallel_degree {}", degree));
  lines.push_back(
      fmt::format("--parallelism.tensor_parallel_degree {}", plan.training.tensor_parallel));
  lines.push_back(fmt::format("--training.seq_len {}", plan.problem.context));
  lines.push_back("--training.local_batch_size 1");
  lines.push_back(fmt::format("--training.global_batch_size {}", batches_per_step(plan)));
  if (strategy.ulysses > 1) {
    draft.lose_choice(fmt::format("ulysses {}", strategy.ulysses), "no option splits heads",
                      fmt::format("context_parallel_degree {}", degree));
  }
  if (degree > 1) {
    lines.push_back(std::string("--parallelism.context_parallel_load_balancer ") +
                    load_balancer(plan, draft));
  }
  // Its context parallelism gathers, whatever context_parallel_rotate_method said
  // (pytorch/torchtitan issue 3086).
  if (strategy.context_parallel > 1 && strategy.exchange != Exchange::all_gather) {
    draft.lose_choice("exchange " + std::string(to_string(strategy.exchange)),
                      "context parallelism gathers keys and values", "all_gather");
  }
  const Mask::Kind kind = plan.problem.mask.kind;
  if (kind != Mask::Kind::causal && kind != Mask::Kind::full) {
    draft.lose("mask " + to_string(plan.problem.mask), "no option of torchtitan", "causal");
  }
  lose_common(plan, "torchtitan", draft);
  return draft;
}

}  // namespace hsap
