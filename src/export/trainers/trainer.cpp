#include "export/trainers/trainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/names.hpp"
#include "base/printable.hpp"
#include "base/units.hpp"
#include "export/option_names.hpp"

namespace hsap {
namespace {

constexpr std::array<std::string_view, targets> target_names{"megatron", "transformer-engine",
                                                             "yunchang", "deepspeed", "torchtitan"};

Draft options_of(const Plan& plan, Target target) {
  switch (target) {
    case Target::megatron:
      return megatron_options(plan);
    case Target::transformer_engine:
      return transformer_engine_options(plan);
    case Target::yunchang:
      return yunchang_options(plan);
    case Target::deepspeed:
      return deepspeed_options(plan);
    case Target::torchtitan:
      return torchtitan_options(plan);
  }
  return {};
}

/// What the options are for, as comments: all five targets take "#" lines. A name must not end one.
std::string heading(const Plan& plan) {
  std::string text = fmt::format(
      "# plan: {}, {} tokens, {} x {}\n", one_line(plan.problem.model.name),
      format_size(plan.problem.context), plan.cluster.nodes, one_line(plan.cluster.name));
  text += fmt::format("# strategy: {}; {} replica(s) of {} ranks, tensor parallel {}\n",
                      to_string(plan.strategy), plan.replicas, plan.strategy.ranks(),
                      plan.training.tensor_parallel);
  const Training& training = plan.training;
  if (training.pipeline_parallel > 1) {
    text += fmt::format("# on each of {} pipeline stages, {} piece(s) of the model each\n",
                        training.pipeline_parallel, training.virtual_stages);
  }
  if (training.expert_parallel > 1) {
    text +=
        fmt::format("# the experts of a layer shared out over {} GPUs\n", training.expert_parallel);
  }
  text += fmt::format("# its memory counts on ZeRO {}, {} checkpointing and gradients in {}\n",
                      training.zero, to_string(training.checkpointing),
                      to_string(training.weight_gradients));
  if (training.offload == Training::Offload::activations) {
    text += "# and on layers' inputs in the memory of the host\n";
  }
  if (training.matmul == Training::Matmul::fp8) {
    text += "# and on linear layers in FP8, with a scale for each tensor\n";
  }
  if (training.loss_chunks > 1) {
    text += fmt::format("# and on a loss in {} chunks of a rank's tokens\n", training.loss_chunks);
  }
  return text;
}

}  // namespace

Training usual_training(Target target) {
  Training training;
  if (target == Target::megatron) training.checkpointing = Training::Checkpointing::none;
  if (target == Target::deepspeed || target == Target::torchtitan) {
    training.zero = 3;
    training.checkpointing = Training::Checkpointing::full;
  }
  if (target == Target::torchtitan) training.weight_gradients = Dtype::fp32;
  return training;
}

std::string_view to_string(Target target) { return target_names[static_cast<std::size_t>(target)]; }

Result<Target> parse_target(const std::string& text) {
  for (std::size_t i = 0; i < target_names.size(); ++i) {
    if (target_names[i] == text) return static_cast<Target>(i);
  }
  const std::vector<std::string> known(target_names.begin(), target_names.end());
  return bad_input("unknown target", "'" + text + "'", one_of(known));
}

Exported export_plan(const Plan& plan, Target target) {
  Draft draft = options_of(plan, target);
  Exported out;
  out.text = heading(plan);
  for (const std::string& note : draft.notes) out.text += "# not expressed: " + note + "\n";
  for (const std::string& line : draft.lines) out.text += line + "\n";
  out.notes = std::move(draft.notes);
  out.strategy_note = std::move(draft.strategy_note);
  return out;
}

void Draft::lose(const std::string& what, const std::string& why, const std::string& nearest) {
  notes.push_back(fmt::format("{}: {}; nearest: {}", what, why, nearest));
}

void Draft::lose_choice(const std::string& what, const std::string& why,
                        const std::string& nearest) {
  lose(what, why, nearest);
  if (strategy_note.empty()) strategy_note = notes.back();
}

bool packed(const Plan& plan) {
  const auto& batches = plan.problem.batches;
  return std::any_of(batches.begin(), batches.end(),
                     [](const Batch& batch) { return batch.documents() > 1; });
}

int batches_per_step(const Plan& plan) {
  return plan.training.global_batch > 0 ? plan.training.global_batch : plan.replicas;
}

Pipeline pipeline_of_plan(const Plan& plan) {
  return *pipeline_of(plan.problem.model, plan.training.pipeline_parallel,
                      plan.training.virtual_stages);
}

bool equal_pieces(const Plan& plan) {
  const std::vector<int> layers = pipeline_of_plan(plan).layers;
  return layers.size() < 3 || layers[0] == layers[1];
}

Token length_of(const Plan& plan, Token unit, const std::string& what, Draft& draft) {
  const Token context = plan.problem.context;
  const Token length = (context + unit - 1) / unit * unit;
  if (length != context) {
    draft.lose(fmt::format("context {}", context),
               fmt::format("{} must be a multiple of {}", what, unit),
               fmt::format("{} {}", what, length));
  }
  return length;
}

void lose_batches(const Plan& plan, Token unit, Draft& draft) {
  for (const Batch& batch : plan.problem.batches) {
    if (batch.tokens() % unit == 0) continue;
    draft.lose(fmt::format("batches of any length ({} tokens)", batch.tokens()),
               "every rank gets an equal part",
               fmt::format("pad every batch to a multiple of {}", unit));
    return;
  }
}

void lose_pipeline(const Plan& plan, const std::string& why, Draft& draft) {
  const int stages = plan.training.pipeline_parallel;
  if (stages > 1) draft.lose(fmt::format("pipeline parallel {}", stages), why, "one stage");
}

void lose_experts(const Plan& plan, const std::string& why, Draft& draft) {
  const int degree = plan.training.expert_parallel;
  if (degree > 1) draft.lose(fmt::format("expert parallel {}", degree), why, "all experts on each");
}

bool even_heads(const Plan& plan, int ulysses) {
  const Heads heads = *heads_per_rank(plan.problem.model.heads, plan.training.tensor_parallel);
  return heads.query % ulysses == 0 && heads.key_value % ulysses == 0;
}

int largest_even_ulysses(const Plan& plan, int ranks) {
  for (int ulysses = ranks; ulysses > 1; --ulysses) {
    if (ranks % ulysses == 0 && even_heads(plan, ulysses)) return ulysses;
  }
  return 1;
}

namespace {

/// Choices of the compiler that no trainer has an option for.
void lose_variants(const Strategy& strategy, const std::string& trainer, Draft& draft) {
  const Strategy plain;
  const auto lose = [&](const std::string& key, std::string_view value,
                        const std::string& nearest) {
    draft.lose_choice(fmt::format("{} {}", key, value), "no option of " + trainer, nearest);
  };
  if (strategy.moves != plain.moves) {
    lose("moves", to_string(strategy.moves), "keys and values travel");
  }
  if (strategy.transfer_order != plain.transfer_order) {
    lose("transfer_order", to_string(strategy.transfer_order), "its own order");
  }
  if (strategy.kv_groups != plain.kv_groups) {
    lose("kv_groups", to_string(strategy.kv_groups), "its own grouping");
  }
  if (strategy.gradient_return != plain.gradient_return) {
    lose("gradient_return", to_string(strategy.gradient_return), "its own schedule");
  }
}

}  // namespace

void lose_window(const Plan& plan, const std::string& trainer, Draft& draft) {
  // Of another mask all is told.
  if (!has_window(plan) || plan.problem.mask.kind != Mask::Kind::causal) return;
  draft.lose("mask " + masks_text(plan.problem.model, plan.problem.mask), "no option of " + trainer,
             "what each layer of the model does");
}

void lose_question(const Plan& plan, const std::string& trainer, Draft& draft) {
  if (plan.training.lookahead > 0) {
    draft.lose(fmt::format("lookahead {}", plan.training.lookahead),
               "no option of " + trainer + " deals batches out by their work",
               "a loader of your own with hsap.deal()");
  }
  if (plan.problem.dtype == Dtype::fp32) {
    draft.lose("dtype fp32", "these options are for attention in bf16", "bf16");
  }
}

void lose_common(const Plan& plan, const std::string& trainer, Draft& draft) {
  lose_question(plan, trainer, draft);
  if (plan.strategy.stages > 0 && plan.strategy.exchange != Exchange::ring &&
      plan.strategy.exchange != Exchange::double_ring) {
    draft.lose_choice(fmt::format("stages {}", plan.strategy.stages), "no option of " + trainer,
                      "its own pipelining");
  }
  lose_variants(plan.strategy, trainer, draft);
}

void lose_gradient_dtype(const Plan& plan, const std::string& trainer, Dtype sent, Draft& draft) {
  const Strategy& strategy = plan.strategy;
  if (!covers(plan.problem.passes, Pass::backward)) return;
  if (strategy.context_parallel == 1 || strategy.gradient_dtype == sent) return;
  draft.lose_choice(fmt::format("gradient_dtype {}", to_string(strategy.gradient_dtype)),
                    fmt::format("{} sends partial dK and dV in {}", trainer, to_string(sent)),
                    fmt::format("gradient_dtype {}", to_string(sent)));
}

}  // namespace hsap
