#include <fmt/format.h>

#include "export/option_names.hpp"
#include "export/trainers/trainer.hpp"

namespace hsap {
namespace {

/// The load balancer with the plan's layout, or the nearest one.
std::string load_balancer(const Plan& plan, Draft& draft) {
  if (plan.strategy.layout == Layout::contiguous) return "None";
  if (plan.strategy.layout == Layout::zigzag) return "headtail";
  // It deals out blocks of queries by their unmasked keys, of FlexAttention's mask alone.
  const char* nearest = packed(plan) ? "ptrr" : "headtail";
  draft.lose_choice("layout " + std::string(to_string(plan.strategy.layout)),
                    "context_parallel_load_balancer has no such value", nearest);
  return nearest;
}

/// Its FSDP shards parameters, gradients and optimizer; parameters stay whole from the forward to
/// the backward pass or not.
void add_fsdp(const Plan& plan, Draft& draft) {
  const Training& training = plan.training;
  if (training.zero < 2) {
    draft.lose(fmt::format("ZeRO {}", training.zero), "its FSDP shards gradients as well",
               "fsdp_reshard_after_forward never (ZeRO 2)");
  }
  draft.lines.push_back(std::string("--parallelism.fsdp_reshard_after_forward ") +
                        (training.zero == 3 ? "always" : "never"));
  if (training.weight_gradients != Dtype::fp32) {
    draft.lose(fmt::format("weight gradients in {}", to_string(training.weight_gradients)),
               "torchtitan 0.2 reduces in fp32 alone", "mixed_precision_reduce float32");
  }
  draft.lines.push_back("--training.mixed_precision_reduce float32");
}

void add_stages(const Plan& plan, Draft& draft) {
  const Training& training = plan.training;
  if (training.pipeline_parallel == 1) return;
  const Pipeline pipeline = pipeline_of_plan(plan);
  auto& lines = draft.lines;
  lines.push_back(
      fmt::format("--parallelism.pipeline_parallel_degree {}", training.pipeline_parallel));
  lines.push_back(std::string("--parallelism.pipeline_parallel_schedule ") +
                  (training.virtual_stages > 1 ? "Interleaved1F1B" : "1F1B"));
  const int less = equal_pieces(plan) ? 0 : 1;
  lines.push_back(fmt::format("--parallelism.pipeline_parallel_first_stage_less_layers {}", less));
  lines.push_back(fmt::format("--parallelism.pipeline_parallel_last_stage_less_layers {}", less));
  lines.push_back(fmt::format("--parallelism.pipeline_parallel_layers_per_stage {}",
                              pipeline.layers.front() + less));
  lines.push_back("--parallelism.pipeline_parallel_microbatch_size 1");
}

void add_expert_degree(const Plan& plan, Draft& draft) {
  const int degree = plan.training.expert_parallel;
  if (degree == 1) return;
  const int group = plan.strategy.ranks() * plan.training.tensor_parallel;
  auto& lines = draft.lines;
  if (degree % group != 0) {
    lines.push_back(fmt::format("# torchtitan 0.2.0 takes multiples of {} only", group));
  }
  lines.push_back(fmt::format("--parallelism.expert_parallel_degree {}", degree));
  lines.push_back("--parallelism.expert_tensor_parallel_degree 1");
}

void add_float8(const Plan& plan, Draft& draft) {
  if (plan.training.matmul == Training::Matmul::bf16) return;
  auto& lines = draft.lines;
  lines.push_back("# torchtitan 0.2, beside a compiled model; later ones scale rows, not tensors");
  lines.push_back("--model.converters quantize.linear.float8");
  lines.push_back(std::string("--quantize.linear.float8.filter_fqns output") +
                  (plan.problem.model.experts > 0 ? ",router.gate" : ""));
  lines.push_back("--quantize.linear.float8.enable_fsdp_float8_all_gather");
  lines.push_back("--quantize.linear.float8.precompute_float8_dynamic_scale_for_fsdp");
  if (plan.problem.model.experts > 0) {
    draft.lose("matmul fp8 of experts", "grouped products in FP8 are a prototype", "bf16 experts");
  }
}

/// How the rest of the model is trained.
void add_rest_of_model(const Plan& plan, Draft& draft) {
  auto& lines = draft.lines;
  // Two chunks for each context-parallel rank, each of equal parts for its tensor-parallel GPUs;
  // torchtitan 0.2 asks it of one rank, too.
  const Token unit = plan.training.tensor_parallel * 2 * plan.strategy.ranks();
  const Token length = length_of(plan, unit, "--training.seq_len", draft);
  lines.push_back(fmt::format("--training.seq_len {}", length));
  // Of a pipeline: all that it takes in a step.
  const bool pipelined = plan.training.pipeline_parallel > 1;
  lines.push_back(fmt::format("--training.local_batch_size {}",
                              pipelined ? batches_per_step(plan) / plan.replicas : 1));
  lines.push_back(fmt::format("--training.global_batch_size {}", batches_per_step(plan)));
  lines.push_back(
      fmt::format("# after torchtitan 0.2 instead: --training.max_context_length {0} "
                  "--training.num_tokens_per_microbatch_per_dp_rank {0} "
                  "--training.num_tokens_per_train_step {1}",
                  length, std::int64_t{length} * batches_per_step(plan)));
  if (plan.problem.model.attention_only()) return;
  add_fsdp(plan, draft);
  std::string_view checkpointing = to_string(plan.training.checkpointing);
  const bool some = plan.training.checkpointing == Training::Checkpointing::norms ||
                    plan.training.checkpointing == Training::Checkpointing::selective;
  if (some) {
    draft.lose(fmt::format("{} checkpointing", checkpointing),
               "its policy also makes every second matrix product again, and keeps less",
               "activation_checkpoint.mode selective, op");
    checkpointing = to_string(Training::Checkpointing::selective);
  }
  lines.push_back(fmt::format("--activation_checkpoint.mode {}", checkpointing));
  if (some) lines.push_back("--activation_checkpoint.selective_ac_option op");
  if (plan.training.offload != Training::Offload::none) {
    draft.lose("offload activations", "no option of torchtitan 0.2",
               "the layers' inputs on the device");
  }
  if (plan.training.loss_chunks > 1) {
    draft.lose(fmt::format("loss in {} chunks", plan.training.loss_chunks),
               "torchtitan 0.2 has all logits of a rank at once",
               "one chunk; later a ChunkedLossWrapper with as many");
  }
  lines.push_back(
      fmt::format("# after torchtitan 0.2 instead: activation-checkpoint:{}", checkpointing));
  add_float8(plan, draft);
  const bool fused = plan.training.loss == Training::Loss::fused;
  if (fused) lines.push_back("# a compiled loss keeps no fp32 logits");
  if (fused || plan.training.matmul == Training::Matmul::fp8) lines.push_back("--compile.enable");
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
  add_stages(plan, draft);
  add_expert_degree(plan, draft);
  add_rest_of_model(plan, draft);
  if (packed(plan)) {
    draft.lose("document borders", "its default attention (SDPA) knows none",
               "a model with FlexAttention, whose mask is block_causal");
  }
  if (strategy.ulysses > 1) {
    draft.lose_choice(fmt::format("ulysses {}", strategy.ulysses), "no option splits heads",
                      fmt::format("context_parallel_degree {}", degree));
  }
  if (degree > 1) {
    lines.push_back("# from torchtitan 0.2.2 on; before, tokens were shared out in zigzag");
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
  lose_window(plan, "torchtitan", draft);
  lose_gradient_dtype(plan, "torchtitan", Dtype::fp32, draft);
  lose_common(plan, "torchtitan", draft);
  return draft;
}

}  // namespace hsap
