#include <fmt/format.h>

#include <algorithm>

#include "export/option_names.hpp"
#include "export/trainers/trainer.hpp"

namespace hsap {
namespace {

/// All ranks must split heads: DeepSpeed has no context parallelism.
int sequence_parallel_size(const Plan& plan, Draft& draft) {
  const Strategy& strategy = plan.strategy;
  const int size = largest_even_ulysses(plan, strategy.ranks());
  if (strategy.context_parallel > 1) {
    draft.lose_choice(fmt::format("context_parallel {} ({}, {})", strategy.context_parallel,
                                  to_string(strategy.exchange), to_string(strategy.layout)),
                      "tokens are only redistributed by all-to-all over heads",
                      fmt::format("sequence_parallel_size {}", size));
  } else if (size != strategy.ulysses) {
    draft.lose_choice(fmt::format("ulysses {}", strategy.ulysses), "heads must divide evenly",
                      fmt::format("sequence_parallel_size {}", size));
  }
  return size;
}

/// How many batches each group of `size` ranks adds up. There may be more groups than in the plan,
/// where heads do not divide as far.
int accumulation_steps(const Plan& plan, int size, Draft& draft) {
  const int global_batch = plan.training.global_batch;
  if (global_batch == 0) return 1;
  const int groups = plan.cluster.gpus / size;
  if (global_batch % groups == 0) return global_batch / groups;
  const int nearest = std::max(1, global_batch / groups);
  draft.lose(fmt::format("global batch {}", global_batch),
             fmt::format("{} groups of {} cannot share it", groups, size),
             fmt::format("gradient_accumulation_steps {}", nearest));
  return nearest;
}

/// The dtype of gradients, of the model in bf16.
std::string gradient_dtype(const Plan& plan, Draft& draft) {
  const std::string_view dtype = to_string(plan.training.weight_gradients);
  if (plan.training.weight_gradients != Dtype::bf16 && plan.training.zero == 0) {
    draft.lose(fmt::format("weight gradients in {}", dtype),
               "a bf16 model adds up its own dtype without ZeRO", "grad_accum_dtype bf16");
    return "bf16";
  }
  return std::string(dtype);
}

std::string ds_config(const Plan& plan, int size, Draft& draft) {
  const int steps = accumulation_steps(plan, size, draft);
  const std::string dtype = gradient_dtype(plan, draft);
  std::string text = fmt::format(
      "ds_config = {{\"sequence_parallel_size\": {}, \"train_micro_batch_size_per_gpu\": 1, "
      "\"gradient_accumulation_steps\": {}, \"bf16\": {{\"enabled\": True}}, "
      "\"data_types\": {{\"grad_accum_dtype\": \"{}\"}}, \"communication_data_type\": \"{}\", ",
      size, steps, dtype, dtype);
  // Predicted steps count on reductions behind the backward pass.
  return text + fmt::format("\"zero_optimization\": {{\"stage\": {}, \"overlap_comm\": True}}}}",
                            plan.training.zero);
}

void add_checkpointing(const Plan& plan, Draft& draft) {
  using Checkpointing = Training::Checkpointing;
  const Checkpointing checkpointing = plan.training.checkpointing;
  if (plan.problem.model.attention_only() || checkpointing == Checkpointing::none) return;
  if (checkpointing != Checkpointing::full) {
    draft.lose(fmt::format("{} checkpointing", to_string(checkpointing)),
               "Transformers checkpoints whole layers", "full checkpointing");
  }
  const bool offloaded = plan.training.offload != Training::Offload::none;
  draft.lines.push_back(
      fmt::format("# call model.gradient_checkpointing_enable({}) before training",
                  offloaded ? "gradient_checkpointing_kwargs={\"offload\": True}" : ""));
  if (offloaded) {
    draft.lines.push_back(
        "# \"offload\", in Transformers from 5.16 on, waits for each copy; the plan");
    draft.lines.push_back("# counts on copies that hide behind the next layer");
  }
}

}  // namespace

Draft deepspeed_options(const Plan& plan) {
  Draft draft;
  const int size = sequence_parallel_size(plan, draft);
  auto& lines = draft.lines;
  lines.push_back("mpu = UlyssesSPAttentionHF.register_with_transformers(");
  lines.push_back("    model_name_or_path=model_name_or_path,");
  lines.push_back("    core_attn_implementation=\"flash_attention_2\",");
  lines.push_back(fmt::format("    sequence_parallel_size={},", size));
  lines.push_back("    micro_batch_size=1,");
  lines.push_back(fmt::format("    seq_length={},", length_of(plan, size, "seq_length", draft)));
  lines.push_back("    seq_length_is_variable=True)");
  lines.push_back(ds_config(plan, size, draft));
  add_checkpointing(plan, draft);
  if (plan.training.loss_chunks > 1) {
    lines.push_back(fmt::format("# compute the loss by TiledFusedLogitsLoss, {} shards",
                                plan.training.loss_chunks));
  }
  if (plan.training.loss == Training::Loss::fused && plan.training.loss_chunks == 1) {
    lines.push_back("# compute the loss by a fused kernel, such as Liger's");
  }
  lines.push_back(
      "# wrap the data loader in UlyssesSPDataLoaderAdapter; it gives every rank its tokens");
  lose_batches(plan, size, draft);
  if (packed(plan)) {
    lines.push_back(
        "# its position_ids must begin anew with every document: they alone keep them apart");
  }
  if (plan.training.tensor_parallel > 1) {
    draft.lose(fmt::format("tensor parallel {}", plan.training.tensor_parallel),
               "no option beside sequence_parallel_size", "tensor parallel 1");
  }
  if (plan.training.matmul == Training::Matmul::fp8) {
    draft.lose("matmul fp8", "no key of its configuration", "bf16");
  }
  lose_pipeline(plan, "its pipelines are PipelineModules, without sequence parallelism", draft);
  lose_experts(plan, "its configuration has no such key: ep_size of the model's MoE layers", draft);
  const Mask::Kind kind = plan.problem.mask.kind;
  if (kind != Mask::Kind::causal && kind != Mask::Kind::full) {
    draft.lose("mask " + to_string(plan.problem.mask), "no option of DeepSpeed", "causal");
  }
  lose_window(plan, "DeepSpeed", draft);
  // Beside tokens that are not split as planned, how their exchange is staged says nothing.
  if (plan.strategy.context_parallel == 1) {
    lose_common(plan, "DeepSpeed", draft);
  } else {
    lose_question(plan, "DeepSpeed", draft);
  }
  return draft;
}

}  // namespace hsap
