#include <fmt/format.h>

#include "export/trainers/trainer.hpp"

namespace hsap {
namespace {

/// Degrees that its all-to-all accepts: heads and groups must divide evenly.
void choose_degrees(const Plan& plan, TransformerEngineChoice& choice, Draft& draft) {
  choice.a2a = plan.strategy.ulysses;
  choice.p2p = plan.strategy.context_parallel;
  if (even_heads(plan, choice.a2a)) return;
  choice.a2a = largest_even_ulysses(plan, plan.strategy.ulysses);
  choice.p2p = plan.strategy.ranks() / choice.a2a;
  draft.lose_choice(fmt::format("ulysses {}", plan.strategy.ulysses),
                    "a2a needs query heads and key/value groups that it divides",
                    fmt::format("a2a size {} and p2p size {}", choice.a2a, choice.p2p));
}

/// Whether a sliding window stands in the way of what the plan does: rings have none.
bool window_needs_gather(const Plan& plan) {
  const Strategy& strategy = plan.strategy;
  return !window_size(plan).empty() &&
         (strategy.context_parallel > 1 || !even_heads(plan, strategy.ulysses));
}

void choose_gather(const Plan& plan, TransformerEngineChoice& choice, Draft& draft) {
  const Strategy& strategy = plan.strategy;
  choice.p2p = strategy.ranks();
  choice.comm_type = "all_gather";
  constexpr const char* why =
      "a sliding window needs all_gather, or a2a over all ranks and even heads";
  if (strategy.ulysses > 1) {
    draft.lose_choice(fmt::format("ulysses {}", strategy.ulysses), why, "cp_comm_type all_gather");
  }
  if (strategy.context_parallel > 1 && strategy.exchange != Exchange::all_gather) {
    draft.lose_choice("exchange " + std::string(to_string(strategy.exchange)), why,
                      "cp_comm_type all_gather");
  }
}

void choose_exchange(const Plan& plan, TransformerEngineChoice& choice, Draft& draft) {
  if (choice.p2p == 1) {
    choice.comm_type = "a2a";
    return;
  }
  const Exchange exchange = plan.strategy.exchange;
  const bool alone = choice.a2a == 1;
  const bool gathers = exchange == Exchange::all_gather || exchange == Exchange::hierarchical;
  choice.comm_type = alone ? (gathers ? "all_gather" : "p2p") : "a2a+p2p";
  const bool exact = exchange == Exchange::ring || (alone && exchange == Exchange::all_gather);
  if (exact) return;
  const std::string what = "exchange " + std::string(to_string(exchange));
  const char* why = exchange == Exchange::all_gather
                        ? "cp_comm_type has no all-gather together with all-to-all"
                        : "cp_comm_type has no such exchange";
  const bool ring = choice.comm_type != "all_gather";
  draft.lose_choice(what, why, "cp_comm_type " + choice.comm_type + (ring ? " (a ring)" : ""));
}

/// Every document is padded to 2 CP chunks of which rank r holds chunks r and 2 CP - 1 - r.
void check_layout(const Plan& plan, const TransformerEngineChoice& choice, Draft& draft) {
  const int size = choice.a2a * choice.p2p;
  if (size == 1) return;  // nothing is split
  const Layout layout = plan.strategy.layout;
  const bool one_document = !packed(plan);
  const bool zigzag = layout == Layout::zigzag && one_document;
  if (choice.p2p > 1 && !zigzag && layout != Layout::per_document_zigzag) {
    draft.lose_choice("layout " + std::string(to_string(layout)),
                      "the only layout is zigzag inside every document", "per_document_zigzag");
  }
  const int multiple = 2 * size;
  for (const Batch& batch : plan.problem.batches) {
    for (const Token length : batch.lengths) {
      if (length % multiple == 0) continue;
      draft.lose(fmt::format("documents of any length ({} tokens)", length),
                 "each length must be a multiple of 2 CP",
                 fmt::format("pad every document to a multiple of {}", multiple));
      return;
    }
  }
}

void check_mask(const Plan& plan, Draft& draft) {
  using Kind = Mask::Kind;
  const Kind kind = plan.problem.mask.kind;
  if (kind == Kind::prefix || kind == Kind::shared_question) {
    draft.lose("mask " + to_string(plan.problem.mask),
               "no such attn_mask_type with context parallelism", "causal");
  }
}

/// The mask as arguments of DotProductAttention, in layers without a window of their own.
std::string mask_arguments(const Plan& plan) {
  const bool full = plan.problem.mask.kind == Mask::Kind::full;
  std::string text =
      packed(plan) ? (full ? "padding" : "padding_causal") : (full ? "no_mask" : "causal");
  text = fmt::format("\"attn_mask_type\": \"{}\"", text);
  // With documents side by side, masks of padding are for this format only.
  if (packed(plan)) text += ", \"qkv_format\": \"thd\"";
  const std::string window = window_size(plan.problem.mask);
  return window.empty() ? text : fmt::format("{}, \"window_size\": ({})", text, window);
}

using Groups = std::vector<std::vector<int>>;

/// The groups of the first tensor-parallel rank, then those of the others.
Groups of_all_tensor_ranks(const Groups& groups, int tensor_parallel) {
  Groups out;
  for (int t = 0; t < tensor_parallel; ++t) {
    for (const std::vector<int>& group : groups) {
      out.push_back(group);
      for (int& rank : out.back()) rank += t;
    }
  }
  return out;
}

std::string group_list(const Groups& groups) {
  std::string text;
  for (const auto& group : groups) {
    text += fmt::format("{}[{}]", text.empty() ? "" : ", ", fmt::join(group, ", "));
  }
  return "[" + text + "]";
}

/// Names the ranks that share a sequence. Those of one tensor-parallel rank alone would be wrong on
/// every other.
void add_ranks(const Strategy& strategy, const Plan& plan, Draft& draft) {
  const int tensor_parallel = plan.training.tensor_parallel;
  const int stride = strategy.ranks() * tensor_parallel;
  std::string others = fmt::format("replica i adds {} i", stride);
  if (plan.training.pipeline_parallel > 1) {
    others += fmt::format(", pipeline stage s adds {} s", stride * plan.replicas);
  }
  draft.lines.push_back("# global ranks of replica 0; " + others);
  Groups all(1);
  for (int rank = 0; rank < stride; rank += tensor_parallel) all[0].push_back(rank);
  if (tensor_parallel == 1) {
    draft.lines.push_back(fmt::format("cp_global_ranks = [{}]", fmt::join(all[0], ", ")));
    return;
  }
  draft.lines.push_back("cp_groups = " + group_list(of_all_tensor_ranks(all, tensor_parallel)));
  draft.lines.push_back("# cp_global_ranks: the list of this rank among these");
}

}  // namespace

std::string window_size(const Mask& mask) {
  return mask.kind == Mask::Kind::sliding ? fmt::format("{},0", mask.window - 1) : "";
}

std::string window_size(const Plan& plan) {
  return window_size(layer_masks(plan.problem.model, plan.problem.mask)->back().mask);
}

TransformerEngineChoice choose_transformer_engine(const Plan& plan, const std::string& trainer,
                                                  Draft& draft) {
  TransformerEngineChoice choice;
  if (window_needs_gather(plan)) {
    choose_gather(plan, choice, draft);
  } else {
    choose_degrees(plan, choice, draft);
    choose_exchange(plan, choice, draft);
  }
  // Hierarchical sizes run from the innermost ranks out: all-to-all first.
  if (choice.a2a > 1 && choice.p2p > 1 && plan.strategy.order == Order::context_inner) {
    draft.lose_choice("order context-inner", "all-to-all groups take consecutive ranks",
                      "ulysses-inner");
  }
  check_layout(plan, choice, draft);
  check_mask(plan, draft);
  // Its buffers are made like its keys.
  lose_gradient_dtype(plan, "TransformerEngine", Dtype::bf16, draft);
  lose_common(plan, trainer, draft);
  return choice;
}

Draft transformer_engine_options(const Plan& plan) {
  Draft draft;
  const TransformerEngineChoice choice =
      choose_transformer_engine(plan, "TransformerEngine", draft);
  Strategy nearest = plan.strategy;
  nearest.ulysses = choice.a2a;
  nearest.context_parallel = choice.p2p;
  nearest.order = Order::ulysses_inner;
  const int tensor_parallel = plan.training.tensor_parallel;
  add_ranks(nearest, plan, draft);
  const bool both = choice.comm_type == "a2a+p2p";
  if (both) {
    const PlanMesh mesh = mesh_of(nearest, tensor_parallel);
    const auto list = [&](const Groups& groups) {
      return group_list(of_all_tensor_ranks(groups, tensor_parallel));
    };
    draft.lines.push_back("a2a_groups = " + list(mesh.ulysses_groups));
    draft.lines.push_back("p2p_groups = " + list(mesh.context_groups));
    draft.lines.push_back("# a2a_group and p2p_group: the process groups of this rank among these");
  }
  draft.lines.push_back("# of DotProductAttention, or of its forward");
  if (packed(plan)) {
    draft.lines.push_back("# cu_seqlens of the documents, beside these, keep them apart");
  }
  draft.lines.push_back(fmt::format("mask_arguments = {{{}}}", mask_arguments(plan)));
  if (has_window(plan)) {
    draft.lines.push_back(fmt::format("# in the {} layers with a window \"window_size\": ({})",
                                      plan.problem.model.window_layers, window_size(plan)));
  }
  draft.lines.push_back(
      fmt::format("attention.set_context_parallel_group({}, cp_global_ranks, cp_stream, \"{}\")",
                  both ? "[a2a_group, p2p_group]" : "cp_group", choice.comm_type));
  return draft;
}

}  // namespace hsap
