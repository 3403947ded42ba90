#include <fmt/format.h>

#include <numeric>

#include "export/option_names.hpp"
#include "export/trainers/trainer.hpp"

namespace hsap {
namespace {

/// What the length of a sequence must be a multiple of: two chunks for each context-parallel rank,
/// each of equal parts for its tensor-parallel GPUs. TransformerEngine casts multiples of 8 tokens
/// to FP8.
Token length_unit(const Training& training, int ranks) {
  const Token chunks = ranks == 1 ? 1 : 2 * ranks;
  const bool fp8 = training.matmul == Training::Matmul::fp8;
  return training.tensor_parallel * (fp8 ? std::lcm(chunks, Token{8} * ranks) : chunks);
}

/// TransformerEngine's layers fuse norms with the linear layer behind them, which keeps their
/// outputs: "layernorm" finds only the one before experts.
void recompute_selectively(const Plan& plan, Draft& draft) {
  const Model& model = plan.problem.model;
  const bool norms_only = plan.training.checkpointing == Training::Checkpointing::norms;
  const std::string what = std::string(to_string(plan.training.checkpointing)) + " checkpointing";
  draft.lines.push_back("--recompute-granularity selective");
  if (model.experts == 0) {
    draft.lines.push_back("--recompute-modules mlp");
    draft.lose(what, "norms are fused with linear layers, which keep their outputs",
               "the whole MLP again, its matrix products too");
    return;
  }
  draft.lines.push_back(norms_only ? "--recompute-modules layernorm"
                                   : "--recompute-modules layernorm moe_act");
  draft.lose(what,
             fmt::format("the norm before attention keeps its output, {} bytes a token and layer",
                         bytes_of(Dtype::bf16) * model.hidden),
             "the other norm alone");
}

void add_recomputation(const Plan& plan, Draft& draft) {
  if (plan.problem.model.attention_only()) return;
  auto& lines = draft.lines;
  switch (plan.training.checkpointing) {
    case Training::Checkpointing::none:
      return;
    case Training::Checkpointing::norms:
    case Training::Checkpointing::selective:
      recompute_selectively(plan, draft);
      return;
    case Training::Checkpointing::full:
      lines.push_back("--recompute-granularity full");
      lines.push_back("--recompute-method uniform");
      lines.push_back("--recompute-num-layers 1");
      if (plan.training.offload != Training::Offload::none) {
        draft.lose("offload activations", "its CPU offloading excludes recomputation",
                   "the layers' inputs on the device");
      }
      return;
  }
}

void add_pipeline(const Plan& plan, Draft& draft) {
  const Training& training = plan.training;
  if (training.pipeline_parallel == 1) return;
  auto& lines = draft.lines;
  lines.push_back(fmt::format("--pipeline-model-parallel-size {}", training.pipeline_parallel));
  if (training.virtual_stages > 1) {
    lines.push_back(
        fmt::format("--num-virtual-stages-per-pipeline-rank {}", training.virtual_stages));
  }
  if (!equal_pieces(plan)) {
    lines.push_back("--account-for-embedding-in-pipeline-split");
    lines.push_back("--account-for-loss-in-pipeline-split");
  }
}

void add_experts(const Plan& plan, Draft& draft) {
  if (plan.problem.model.experts == 0) return;
  auto& lines = draft.lines;
  lines.push_back("--moe-grouped-gemm");
  if (plan.training.expert_parallel == 1) return;
  lines.push_back(fmt::format("--expert-model-parallel-size {}", plan.training.expert_parallel));
  lines.push_back("--expert-tensor-parallel-size 1");
  lines.push_back("--moe-token-dispatcher-type alltoall");
}

/// Every n-th layer has no window: of models whose layers alternate so. Which layers of another
/// have one, a plan does not say.
void add_window(const Plan& plan, Draft& draft) {
  const std::string window = window_size(plan);
  if (window.empty()) return;
  draft.lines.push_back("--window-size " + window);
  if (!has_window(plan)) return;
  const Model& model = plan.problem.model;
  const int without = model.layers - model.window_layers;
  const int every = model.layers / without;
  const bool alternate = model.layers / every == without;
  draft.lines.push_back("--window-attn-skip-freq " +
                        (alternate ? std::to_string(every)
                                   : fmt::format("[1]*{}+[0]*{}", model.window_layers, without)));
  if (plan.problem.mask.kind == Mask::Kind::sliding) {
    draft.lose("mask " + to_string(plan.problem.mask), "layers have one window or none",
               "causal in layers without theirs");
  }
  if (alternate) return;
  draft.lose(fmt::format("window in {} of {} layers", model.window_layers, model.layers),
             "the plan does not say in which", "the first ones");
}

/// Predicted steps count on collectives behind the passes, memory on what is sharded.
void add_sharding(const Training& training, Draft& draft) {
  auto& lines = draft.lines;
  lines.push_back("--overlap-grad-reduce");
  if (training.zero == 0) return;
  lines.push_back("--use-distributed-optimizer");
  lines.push_back("--overlap-param-gather");
  if (training.zero == 1) return;
  lines.push_back("# Megatron-FSDP refuses CUDA_DEVICE_MAX_CONNECTIONS=1");
  lines.push_back("--use-megatron-fsdp");
  lines.push_back("--ckpt-format fsdp_dtensor");
  lines.push_back(std::string("--data-parallel-sharding-strategy ") +
                  (training.zero == 2 ? "optim_grads" : "optim_grads_params"));
  // It does not read what else says so.
  lines.push_back(
      fmt::format("--megatron-fsdp-main-grads-dtype {}", to_string(training.weight_gradients)));
}

void add_matmul(const Training& training, Draft& draft) {
  if (training.matmul == Training::Matmul::bf16) return;
  auto& lines = draft.lines;
  lines.push_back("--fp8-format hybrid");
  lines.push_back("--fp8-recipe tensorwise");
  if (training.zero > 0) lines.push_back("--fp8-param-gather");
}

/// How the rest of the model is trained.
void add_training(const Plan& plan, Draft& draft) {
  auto& lines = draft.lines;
  lines.push_back("--micro-batch-size 1");
  lines.push_back(fmt::format("--global-batch-size {}", batches_per_step(plan)));
  lines.push_back("--bf16");
  add_matmul(plan.training, draft);
  lines.push_back(plan.training.weight_gradients == Dtype::bf16
                      ? "--grad-reduce-in-bf16"
                      : "--accumulate-allreduce-grads-in-fp32");
  add_sharding(plan.training, draft);
  add_recomputation(plan, draft);
  if (plan.training.loss_chunks > 1) {
    draft.lose(fmt::format("loss in {} chunks", plan.training.loss_chunks),
               "all logits of a rank exist at once", "one chunk");
  }
}

}  // namespace

Draft megatron_options(const Plan& plan) {
  Draft draft;
  const TransformerEngineChoice choice = choose_transformer_engine(plan, "Megatron", draft);
  const int size = choice.a2a * choice.p2p;
  auto& lines = draft.lines;
  if (plan.training.zero < 2 && (size > 1 || plan.training.tensor_parallel > 1)) {
    lines.push_back("# before Blackwell: CUDA_DEVICE_MAX_CONNECTIONS=1 in the environment");
  }
  lines.push_back(fmt::format("--tensor-model-parallel-size {}", plan.training.tensor_parallel));
  if (plan.training.tensor_parallel > 1) lines.push_back("--sequence-parallel");
  add_pipeline(plan, draft);
  add_experts(plan, draft);
  lines.push_back(fmt::format("--context-parallel-size {}", size));
  // Megatron's help spells "allgather", but TransformerEngine accepts only "all_gather".
  if (size > 1) lines.push_back("--cp-comm-type " + choice.comm_type);
  if (choice.comm_type == "a2a+p2p") {
    lines.push_back(
        fmt::format("--hierarchical-context-parallel-sizes {} {}", choice.a2a, choice.p2p));
  }
  add_window(plan, draft);
  if (plan.problem.mask.kind == Mask::Kind::full) {
    draft.lose("mask full", "attention of its GPT layers is causal", "causal");
  }
  const Token length = length_of(plan, length_unit(plan.training, size), "--seq-length", draft);
  lines.push_back(fmt::format("--seq-length {}", length));
  // Which it checks; with rotary embeddings nothing else depends on it.
  lines.push_back(fmt::format("--max-position-embeddings {}", length));
  // Of Megatron core 0.19 and later; without it documents see each other.
  if (packed(plan)) lines.push_back("--dataloader-inter-document-masking");
  add_training(plan, draft);
  return draft;
}

}  // namespace hsap
