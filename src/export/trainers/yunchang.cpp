#include <fmt/format.h>

#include <string_view>

#include "export/trainers/trainer.hpp"

namespace hsap {
namespace {

std::string_view ring_type(const Plan& plan, Draft& draft) {
  if (plan.strategy.context_parallel == 1) return "basic";
  switch (plan.strategy.layout) {
    case Layout::contiguous:
      return "basic";
    case Layout::zigzag:
      return "zigzag";
    case Layout::striped:
      return "strip";
    default:
      draft.lose_choice("layout " + std::string(to_string(plan.strategy.layout)),
                        "ring_impl_type has no such layout", "zigzag");
      return "zigzag";
  }
}

void check_attention(const Plan& plan, Draft& draft) {
  const Strategy& strategy = plan.strategy;
  if (strategy.context_parallel > 1 && strategy.exchange != Exchange::ring) {
    draft.lose_choice("exchange " + std::string(to_string(strategy.exchange)),
                      "attention over tokens is always a ring", "ring");
  }
  if (packed(plan)) {
    draft.lose("document borders", "none of the options carries them", "one document a sequence");
  }
  const Mask::Kind kind = plan.problem.mask.kind;
  if (kind != Mask::Kind::causal && kind != Mask::Kind::full) {
    draft.lose("mask " + to_string(plan.problem.mask), "no option of yunchang", "causal");
  }
  lose_window(plan, "yunchang", draft);
  if (plan.training.tensor_parallel > 1) {
    draft.lose(fmt::format("tensor parallel {}", plan.training.tensor_parallel),
               "set_seq_parallel_pg spans all ranks", "tensor parallel 1");
  }
  lose_pipeline(plan, "set_seq_parallel_pg spans all ranks", draft);
  lose_experts(plan, "it is attention alone", draft);
}

}  // namespace

Draft yunchang_options(const Plan& plan) {
  Draft draft;
  const Strategy& strategy = plan.strategy;
  int ulysses = strategy.ulysses;
  if (!even_heads(plan, ulysses)) {
    ulysses = largest_even_ulysses(plan, ulysses);
    draft.lose_choice(fmt::format("ulysses {}", strategy.ulysses), "heads must divide evenly",
                      fmt::format("sp_ulysses_degree {}", ulysses));
  }
  const bool low = strategy.order == Order::ulysses_inner;
  draft.lines.push_back(fmt::format(
      "set_seq_parallel_pg(sp_ulysses_degree={}, sp_ring_degree={}, rank=rank, world_size={}, "
      "use_ulysses_low={})",
      ulysses, strategy.ranks() / ulysses, plan.cluster.gpus, low ? "True" : "False"));
  const std::string_view ring = ring_type(plan, draft);
  draft.lines.push_back(fmt::format("ring_impl_type = \"{}\"", ring));
  check_attention(plan, draft);
  // Zigzag gives every rank two chunks.
  lose_batches(plan, strategy.ranks() * (ring == "zigzag" ? 2 : 1), draft);
  lose_gradient_dtype(plan, "yunchang", Dtype::fp32, draft);
  lose_common(plan, "yunchang", draft);
  return draft;
}

}  // namespace hsap
