#include "simulate/training/memory.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "simulate/training/layer.hpp"
#include "simulate/training/pipeline.hpp"
#include "simulate/training/sharding.hpp"
#include "simulate/training/step.hpp"

namespace hsap {
namespace {

/// Fused: logits in bf16 and once more in fp32, where their softmax and gradient are computed.
/// PyTorch's own functions hold log-softmax and two gradients in fp32 at once.
double logit_bytes(Training::Loss loss) {
  return loss == Training::Loss::fused ? 2 + 4 : 2 + 3 * 4;
}

/// Parts of a rank's memory in the order in which they are reported.
class RankMemory {
 public:
  RankMemory(const Setting& setting, const Division& division, int stage,
             const AttentionBuffers& attention)
      : model_(setting.model),
        training_(setting.training),
        runtime_(setting.runtime),
        division_(division),
        stage_(stage),
        attention_(attention),
        alone_(setting.cluster->gpus() == 1) {
    const double layers = division.pipeline.layers_of(stage);
    const double experts = layers * static_cast<double>(expert_parameters(model_));
    for (const Holding& holding : holdings(stage_parameters(model_, division.pipeline, stage),
                                           experts, training_, division.data_ranks)) {
      const StateBytes bytes = state_bytes(training_, holding.ranks);
      state_.parameter += holding.parameters * bytes.parameter;
      state_.gradient += holding.parameters * bytes.gradient;
      state_.optimizer += holding.parameters * bytes.optimizer;
    }
  }

  [[nodiscard]] Breakdown parts() const {
    const bool logits_decide = logits() + gathered_at_loss() > layer_at_work() + gathered_layers();
    return {{"parameters", state_.parameter},
            {"gradients", state_.gradient},
            {"optimizer", state_.optimizer},
            {"gathered_layers", logits_decide ? gathered_at_loss() : gathered_layers()},
            {"activations", activations()},
            {"logits", logits_decide ? logits() : 0},
            {"layer_at_work", logits_decide ? 0 : layer_at_work()},
            {"communicators", alone_ ? 0 : runtime_.communicator_bytes}};
  }

  /// In the host's memory: of every layer but those that the device holds.
  [[nodiscard]] double offloaded() const {
    return (kept_layers() - layers_on_device()) * layer_input();
  }

 private:
  [[nodiscard]] double tokens_share() const {
    return static_cast<double>(attention_.tokens) / training_.tensor_parallel;
  }

  /// Whole layers that sharding makes a rank hold for a while: the layer in use and the one
  /// fetched ahead (stage 3), and the gradients of a layer before they are reduced (2 and 3).
  [[nodiscard]] double gathered_layers() const {
    if (model_.attention_only() || training_.zero < 2) return 0;
    const double parameters = training_.zero == 3 ? 2 * bf16_bytes : 0;
    return held_layer() * (parameters + bytes_of(training_.weight_gradients));
  }
  /// At the loss that is the output projection, and the last layer fetched ahead.
  [[nodiscard]] double gathered_at_loss() const {
    if (model_.attention_only() || training_.zero < 2 || !last_stage()) return 0;
    const double parameters = training_.zero == 3 ? bf16_bytes : 0;
    const double projection =
        static_cast<double>(model_.vocabulary * model_.hidden) / training_.tensor_parallel;
    return projection * (parameters + bytes_of(training_.weight_gradients)) +
           held_layer() * parameters;
  }
  [[nodiscard]] double held_layer() const {
    return parameters_of(holdings(static_cast<double>(layer_parameters(model_)),
                                  static_cast<double>(expert_parameters(model_)), training_,
                                  division_.data_ranks));
  }
  [[nodiscard]] bool last_stage() const { return stage_ + 1 == division_.pipeline.stages; }

  [[nodiscard]] double layer(Training::Checkpointing checkpointing) const {
    return saved_bytes(model_, checkpointing, training_.matmul) * tokens_share() +
           expert_rows() * matmul_bytes(training_.matmul) / bf16_bytes + attention_.kept;
  }
  /// In bf16, of the tokens that visit experts on this GPU. Where it holds slices of all experts
  /// these are all tokens of the rank.
  [[nodiscard]] double expert_rows() const {
    return expert_input_bytes(model_) * (training_.expert_parallel > 1
                                             ? tokens_share()
                                             : static_cast<double>(attention_.tokens));
  }

  [[nodiscard]] double activations() const {
    if (model_.attention_only()) return attention_.kept;
    const bool whole = training_.checkpointing == Training::Checkpointing::full;
    return layers_on_device() * (whole ? layer_input() : layer(training_.checkpointing));
  }
  [[nodiscard]] double layer_input() const {
    return bf16_bytes * static_cast<double>(model_.hidden) * tokens_share();
  }
  /// Of those of which something is kept: one at work and, where they are offloaded, one on its
  /// way.
  [[nodiscard]] int layers_on_device() const {
    return training_.offload == Training::Offload::none ? kept_layers()
                                                        : std::min(kept_layers(), 2);
  }

  /// Layers of which something is kept at once, a layer of two batches counted twice: those of all
  /// pieces that have run forward and not yet backward.
  [[nodiscard]] int kept_layers() const {
    const Pipeline& pipeline = division_.pipeline;
    const int chunks = pipeline.pieces() / pipeline.stages;
    int longest = 0;
    for (int piece = stage_; piece < pipeline.pieces(); piece += pipeline.stages) {
      longest = std::max(longest, pipeline.layers[static_cast<std::size_t>(piece)]);
    }
    return longest * std::min(division_.accumulation * chunks,
                              warm_up(stage_, division_.accumulation, pipeline) + 1);
  }

  /// What the layer in the middle of its pass needs on top of what it keeps, made again or not: the
  /// gradient of its output, and attention its transient buffers, while nothing is there of the
  /// MLP, or the MLP its gradients, those of the experts' rows among them.
  [[nodiscard]] double layer_at_work() const {
    if (model_.attention_only()) return attention_.transient;
    using Checkpointing = Training::Checkpointing;
    const bool whole = training_.checkpointing == Checkpointing::full;
    const double kept = whole ? layer_input() : layer(training_.checkpointing);
    const double no_mlp = -mlp_saved_bytes(model_, training_.matmul) * tokens_share();
    const double at_attention = attention_.transient + no_mlp;
    const double at_mlp = mlp_gradient_bytes(model_) * tokens_share() + expert_rows();
    return layer(Checkpointing::none) + layer_input() + std::max(at_attention, at_mlp) - kept +
           gathered_input(training_.matmul);
  }

  /// What tensor parallelism gathers for a product, all tokens of the rank, and its gradient before
  /// that is scattered.
  [[nodiscard]] double gathered_input(Training::Matmul matmul) const {
    if (training_.tensor_parallel == 1) return 0;
    return (matmul_bytes(matmul) + bf16_bytes) * static_cast<double>(model_.hidden) *
           static_cast<double>(attention_.tokens);
  }

  /// At the loss no attention runs, so these and layer_at_work() do not add up.
  [[nodiscard]] double logits() const {
    if (!last_stage()) return 0;
    const double all =
        logit_bytes(training_.loss) * static_cast<double>(model_.vocabulary) * tokens_share() +
        gathered_input(Training::Matmul::bf16);
    return all / training_.loss_chunks;
  }

  const Model& model_;
  const Training& training_;
  const Runtime& runtime_;
  const Division& division_;
  int stage_;
  StateBytes state_;  ///< of all that the rank holds
  const AttentionBuffers& attention_;
  bool alone_;  ///< on one GPU, which communicates with none
};

/// Whole bytes, so that the parts add up exactly.
Memory rounded(Breakdown parts) {
  Memory memory;
  for (auto& [name, bytes] : parts) {
    bytes = std::ceil(bytes);
    memory.peak_bytes += static_cast<std::int64_t>(bytes);
  }
  memory.breakdown = std::move(parts);
  return memory;
}

/// What is kept of a token in all heads: q, k, v, o and lse.
double kept_token_bytes(const Problem& problem) {
  const Heads& heads = problem.heads;
  return 2.0 * (heads.query + heads.key_value) * heads.dim * bytes_of(problem.dtype) +
         heads.query * bytes_of(Dtype::fp32);
}

}  // namespace

Memory training_memory(const Setting& setting, const Division& division,
                       std::span<const AttentionBuffers> ranks) {
  Memory worst;
  std::vector<std::int64_t> offloaded(static_cast<std::size_t>(division.pipeline.stages));
  for (int stage = 0; stage < division.pipeline.stages; ++stage) {
    std::int64_t& most = offloaded[static_cast<std::size_t>(stage)];
    for (const AttentionBuffers& rank : ranks) {
      const RankMemory parts(setting, division, stage, rank);
      Memory memory = rounded(parts.parts());
      most = std::max<std::int64_t>(most, std::llround(parts.offloaded()));
      if (memory.peak_bytes > worst.peak_bytes) worst = std::move(memory);
    }
  }
  // The first stages keep most, and stand on the first node together where they are smaller.
  const int of_stage = std::max(1, setting.cluster->gpus() / division.pipeline.stages);
  worst.offloaded_bytes = *std::max_element(offloaded.begin(), offloaded.end());
  for (int gpu = 0; gpu < setting.cluster->gpus_per_node(); ++gpu) {
    worst.host_bytes += offloaded[static_cast<std::size_t>(gpu / of_stage)];
  }
  return worst;
}

Memory least_training_memory(const Problem& problem, const Setting& setting, int ranks,
                             const Division& division) {
  AttentionBuffers least;
  least.tokens = std::max<std::int64_t>(0, problem.batch.tokens() / ranks - uneven_tokens);
  if (covers(setting.passes, Pass::backward)) {
    least.kept = kept_token_bytes(problem) * static_cast<double>(least.tokens);
  }
  return training_memory(setting, division, {&least, 1});
}

}  // namespace hsap
