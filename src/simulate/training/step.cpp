#include "simulate/training/step.hpp"

#include <algorithm>

#include "simulate/training/layer.hpp"
#include "simulate/training/pipeline.hpp"
#include "simulate/training/rates.hpp"
#include "simulate/training/sharding.hpp"

namespace hsap {
namespace {

/// Adam: reads the fp32 master copy and two moments beside a gradient, writes the three back and a
/// bf16 parameter.
constexpr double optimizer_bytes = 12 + 12 + 2;
/// Bytes that the loss moves for each logit in both passes. Fused: softmax reads them twice in
/// bf16, gradients are written and read again. PyTorch's own functions: to fp32 (2 + 4),
/// log-softmax (4 + 4), the gradient of the loss (4) and of log-softmax (4 + 4 + 4), to bf16 (4 +
/// 2).
double loss_bytes(Training::Loss loss) { return loss == Training::Loss::fused ? 4 * 2 : 36; }

/// Times of the stage with most to do, which the others wait for; `layers` are its own.
class Step {
 public:
  explicit Step(const StepInput& input)
      : in_(input),
        model_(input.setting.model),
        training_(input.setting.training),
        device_(input.setting.cluster->spec().device),
        pipeline_(input.pipeline),
        dispatch_s_(expert_dispatch()),
        tensor_gather_s_(tensor_collective(matmul_bytes(training_.matmul))),
        tensor_scatter_s_(tensor_collective(bf16_bytes)) {
    parts_ = per_layer();
    for (int stage = 1; stage < pipeline_.stages; ++stage) {
      if (stage_seconds(parts_, pipeline_, stage) > stage_seconds(parts_, pipeline_, stage_)) {
        stage_ = stage;
      }
    }
    parts_.once_s = data_parallel() + optimizer();
    parts_.flop = model_flop();
  }

  [[nodiscard]] StepTimes times() const {
    StepTimes step;
    step.parts = parts_;
    step.breakdown = {
        {"attention_compute", layers() * attention_compute()},
        {"attention_exposed_communication", layers() * attention_exposed()},
        {"attention_idle", layers() * attention_idle()},
        {"linear", layers() * (3 * linear_forward() + 3 * elementwise_forward())},
        {"recompute",
         layers() * mean([&](const LayerAttention& layer) { return recompute(layer); })},
        {"embedding_and_logits", embedding_and_logits()},
        {"tensor_parallel",
         layers() * (tensor_parallel(Pass::forward) + tensor_parallel(Pass::backward))}};
    if (model_.experts > 0) {
      step.breakdown.emplace_back("expert_dispatch", layers() * 2 * dispatch_s_);
    }
    if (training_.matmul == Training::Matmul::fp8) {
      step.breakdown.emplace_back("fp8_casts",
                                  layers() * (casts(Pass::forward) + casts(Pass::backward)));
    }
    step.breakdown.emplace_back(
        waiting_for_host, layers() * (host_behind(Pass::forward) + host_behind(Pass::backward)));
    if (training_.offload != Training::Offload::none) {
      step.breakdown.emplace_back(waiting_for_offload, layers() * (copies_behind(Pass::forward) +
                                                                   copies_behind(Pass::backward)));
    }
    for (auto& [name, seconds] : step.breakdown) seconds *= in_.accumulation;
    step.breakdown.emplace_back("data_parallel", data_parallel());
    step.breakdown.emplace_back("optimizer", optimizer());
    for (const auto& [name, seconds] : step.breakdown) step.seconds += seconds;
    if (pipeline_.stages > 1) {
      const double all_s = parts_.once_s + pipeline_seconds(parts_, in_.accumulation, pipeline_);
      step.breakdown.emplace_back(pipeline_bubble, all_s - step.seconds);
      step.seconds = all_s;
    }
    const double batches = static_cast<double>(in_.replicas) * in_.accumulation;
    step.tokens_per_s = batches * static_cast<double>(in_.tokens) / step.seconds;
    const double gpus = data_ranks() * tensor() * pipeline_.stages;
    step.mfu = batches * model_flop() / (gpus * device_.peak_flop_per_s * step.seconds);
    return step;
  }

 private:
  [[nodiscard]] double layers() const { return pipeline_.layers_of(stage_); }
  [[nodiscard]] double tensor() const { return training_.tensor_parallel; }
  [[nodiscard]] double rank_tokens() const { return static_cast<double>(in_.rank_tokens); }
  [[nodiscard]] int data_ranks() const { return in_.ranks * in_.replicas; }

  [[nodiscard]] StepParts per_layer() const {
    StepParts parts;
    parts.layer_forward_s = one_layer(Pass::forward) + copies_behind(Pass::forward);
    parts.layer_backward_s = one_layer(Pass::backward) + copies_behind(Pass::backward);
    parts.embedding_forward_s = parts.embedding_backward_s = look_up() / 2;
    parts.loss_forward_s = logits() / 3;
    parts.loss_backward_s = 2 * logits() / 3;
    parts.message_s = message();
    return parts;
  }

  /// Of the mean layer.
  template <typename Number>
  [[nodiscard]] double mean(const Number& number_of) const {
    double sum = 0;
    for (const LayerAttention& layer : in_.attention) sum += layer.share * number_of(layer);
    return sum;
  }
  /// Both passes of its attention.
  [[nodiscard]] double attention(double PassTimes::*time) const {
    return mean(
        [time](const LayerAttention& layer) { return layer.forward.*time + layer.backward.*time; });
  }

  /// One layer in one pass, where the host is ahead.
  [[nodiscard]] double on_device(Pass pass, const LayerAttention& layer) const {
    const double sent = dispatch_s_ + tensor_parallel(pass);
    return pass == Pass::forward
               ? layer.forward.seconds + computed(pass) + sent
               : layer.backward.seconds + computed(pass) + sent + recompute(layer);
  }
  [[nodiscard]] double on_device(Pass pass) const {
    return mean([&](const LayerAttention& layer) { return on_device(pass, layer); });
  }
  /// Of that outside attention, nothing made again.
  [[nodiscard]] double computed(Pass pass) const {
    return (pass == Pass::forward ? 1 : 2) * (linear_forward() + elementwise_forward()) +
           casts(pass);
  }
  /// What the host needs to issue a layer in one pass but for its attention. Backward has twice the
  /// kernels, but issues most of them from C++: half of the host's time for each pass, and a
  /// forward one again where all is made again.
  [[nodiscard]] double issued(Pass pass) const {
    const Runtime& runtime = in_.setting.runtime;
    const double half_s =
        (runtime.host_layer_s + (model_.experts > 0 ? runtime.host_experts_s : 0)) / 2;
    return pass == Pass::backward && again() ? 2 * half_s : half_s;
  }
  [[nodiscard]] bool again() const {
    return training_.checkpointing == Training::Checkpointing::full;
  }
  /// What the host takes longer to issue a layer than the device to run it.
  [[nodiscard]] double host_behind(Pass pass) const {
    const bool forward_too = pass == Pass::forward || again();
    return mean([&](const LayerAttention& layer) {
      const double attention_s = (forward_too ? layer.forward.host_s : 0) +
                                 (pass == Pass::backward ? layer.backward.host_s : 0);
      return std::max(0.0, attention_s + issued(pass) - on_device(pass, layer));
    });
  }
  /// Of that, what does not grow with attention: ZeRO's messages may hide there, and a lower limit
  /// on attention stays one on the step.
  [[nodiscard]] double idle(Pass pass) const {
    return mean([&](const LayerAttention& layer) {
      return std::max(0.0, issued(pass) - on_device(pass, layer));
    });
  }

  [[nodiscard]] double one_layer(Pass pass) const { return on_device(pass) + host_behind(pass); }
  /// What a layer's input takes longer to the host's memory, or back, than the layer that computes
  /// beside it; on average over the layers of a stage, of which two keep theirs.
  [[nodiscard]] double copies_behind(Pass pass) const {
    if (training_.offload == Training::Offload::none) return 0;
    const double input = bf16_bytes * rank_tokens() * static_cast<double>(model_.hidden) / tensor();
    const double layers = pipeline_.layers_of(0);
    return std::max(0.0, input / device_.host_bandwidth_bytes_per_s - one_layer(pass)) *
           std::max(0.0, layers - 2) / layers;
  }

  [[nodiscard]] double attention_compute() const { return attention(&PassTimes::compute_s); }
  [[nodiscard]] double attention_exposed() const {
    return attention(&PassTimes::exposed_communication_s);
  }
  /// Neither computing nor communicating: the host issues, or a peer is late.
  [[nodiscard]] double attention_idle() const {
    const double idle = attention(&PassTimes::seconds) - attention_compute() - attention_exposed();
    return std::max(0.0, idle);  // sums of the same numbers, each rounded
  }

  /// Matrix products of a layer, forward; backward takes twice that (inputs and weights).
  [[nodiscard]] double linear_forward() const {
    const double used = static_cast<double>(active_layer_parameters(model_)) / tensor();
    const double resident = parameters_of(holdings(static_cast<double>(layer_parameters(model_)),
                                                   static_cast<double>(expert_parameters(model_)),
                                                   training_, data_ranks()));
    const bool fp8 = training_.matmul == Training::Matmul::fp8;
    const double rate = fp8 ? device_.matmul_fp8_flop_per_s : device_.matmul_flop_per_s;
    return std::max(2 * used * rank_tokens() / rate, matmul_bytes(training_.matmul) * resident /
                                                         device_.memory_bandwidth_bytes_per_s);
  }
  /// Operands of a layer's products to FP8 in one pass.
  [[nodiscard]] double casts(Pass pass) const { return cast_seconds(cast_numbers(model_, pass)); }
  [[nodiscard]] double cast_seconds(double numbers) const {
    if (training_.matmul != Training::Matmul::fp8) return 0;
    return cast_bytes * numbers * rank_tokens() / tensor() / device_.memory_bandwidth_bytes_per_s;
  }
  /// Rows on their way to experts and back, in one pass: those of a GPU's share of the tokens to
  /// all that hold the experts, which get equal parts; or of all its tokens where it holds all
  /// experts.
  [[nodiscard]] double expert_dispatch() const {
    const int gpus = training_.expert_parallel;
    const double tokens = rank_tokens() / (gpus > 1 ? tensor() : 1);
    return expert_order_bytes(model_, gpus > 1) * tokens / device_.memory_bandwidth_bytes_per_s +
           2 * all_to_all_seconds(*in_.setting.cluster, expert_input_bytes(model_) * tokens, gpus);
  }
  /// Norms, rotary embedding, activation of a layer, forward.
  [[nodiscard]] double elementwise_forward() const {
    return elementwise_bytes(model_) * rank_tokens() / tensor() /
           device_.memory_bandwidth_bytes_per_s;
  }

  /// Outputs of norms are one pass over them. Selective checkpointing repeats what is cheap, full
  /// checkpointing the whole forward pass of the layer, with all its communication.
  [[nodiscard]] double recompute(const LayerAttention& layer) const {
    switch (training_.checkpointing) {
      case Training::Checkpointing::none:
        return 0;
      case Training::Checkpointing::norms:
        return norm_bytes(model_) * rank_tokens() / tensor() /
                   device_.memory_bandwidth_bytes_per_s +
               recasts();
      case Training::Checkpointing::selective:
        return elementwise_forward() + recasts();
      case Training::Checkpointing::full:
        return on_device(Pass::forward, layer);
    }
    return 0;
  }

  [[nodiscard]] double recasts() const {
    return cast_seconds(recast_numbers(model_, training_.checkpointing));
  }

  /// Of the embedding, both passes: rows are read and written.
  [[nodiscard]] double look_up() const {
    return 2 * 2 * bf16_bytes * rank_tokens() * static_cast<double>(model_.hidden) /
           device_.memory_bandwidth_bytes_per_s;
  }
  /// Output projection and loss, both passes.
  [[nodiscard]] double logits() const {
    const double vocabulary = static_cast<double>(model_.vocabulary) / tensor();
    const double flop = 6 * rank_tokens() * static_cast<double>(model_.hidden) * vocabulary;
    return flop / device_.matmul_flop_per_s + loss_bytes(training_.loss) * rank_tokens() *
                                                  vocabulary / device_.memory_bandwidth_bytes_per_s;
  }
  [[nodiscard]] double embedding_and_logits() const {
    const bool last = stage_ + 1 == pipeline_.stages;
    return (stage_ == 0 ? look_up() : 0) + (last ? logits() : 0);
  }

  /// Each stands between two matrix products that need it: only programs that cut both into pieces
  /// hide a part.
  [[nodiscard]] double tensor_parallel(Pass pass) const {
    const int gathers = pass == Pass::forward ? tensor_gathers_forward : tensor_gathers_backward;
    // None of the MLP where whole experts are on other GPUs, to which each sends its own tokens.
    const int parts = training_.expert_parallel > 1 ? 1 : 2;
    return (1 - in_.setting.runtime.tensor_parallel_overlap) * parts *
           (gathers * tensor_gather_s_ + tensor_scatters * tensor_scatter_s_);
  }
  [[nodiscard]] double tensor_collective(double number_bytes) const {
    const double bytes = number_bytes * rank_tokens() * static_cast<double>(model_.hidden);
    return collective_seconds(*in_.setting.cluster, bytes, training_.tensor_parallel, 1);
  }

  /// A layer's output, cut over the tensor-parallel GPUs, to the next stage.
  [[nodiscard]] double message() const {
    if (pipeline_.stages == 1) return 0;
    const double bytes = bf16_bytes * rank_tokens() * static_cast<double>(model_.hidden) / tensor();
    return shifted_seconds(*in_.setting.cluster, bytes,
                           in_.setting.cluster->gpus() / pipeline_.stages);
  }

  /// The stage that data parallelism and the optimizer take longest for. Not the busiest: how long
  /// attention takes must not decide, or a bound on it would be none on the step.
  [[nodiscard]] int largest_stage() const {
    int largest = 0;
    for (int stage = 1; stage < pipeline_.stages; ++stage) {
      if (parameters_of(held(stage)) > parameters_of(held(largest))) largest = stage;
    }
    return largest;
  }
  [[nodiscard]] std::array<Holding, 2> held(int stage) const {
    const double of_experts =
        static_cast<double>(pipeline_.layers_of(stage) * expert_parameters(model_));
    return holdings(stage_parameters(model_, pipeline_, stage), of_experts, training_,
                    data_ranks());
  }

  /// Hides behind the linear layers of its pass, and while that waits for the host; attention has
  /// its own traffic.
  [[nodiscard]] double data_parallel() const {
    double forward_s = 0;
    double backward_s = 0;
    for (const Holding& holding : held(largest_stage())) {
      const ParameterTraffic traffic = parameter_traffic(holding.parameters, training_);
      const auto seconds = [&](double bytes) {
        return collective_seconds(*in_.setting.cluster, bytes, holding.ranks, holding.stride);
      };
      forward_s += seconds(traffic.forward_bytes);
      backward_s += seconds(traffic.backward_bytes);
    }
    const int layers = pipeline_.layers_of(largest_stage());
    const double forward = layers * computed(Pass::forward);
    const double backward = layers * computed(Pass::backward) + (again() ? forward : 0);
    const double lost = overlap_loss(in_.setting.runtime, device_);
    const int gathers = training_.zero == 3 ? in_.accumulation : 1;
    const int reductions = training_.zero >= 2 ? in_.accumulation : 1;
    return gathers *
               exposed_seconds(forward_s, forward, layers * idle(Pass::forward), lost, layers) +
           reductions *
               exposed_seconds(backward_s, backward, layers * idle(Pass::backward), lost, layers);
  }

  [[nodiscard]] double optimizer() const {
    double owned = 0;
    for (const Holding& holding : held(largest_stage())) {
      owned += holding.parameters / (training_.zero >= 1 ? holding.ranks : 1);
    }
    const double bytes = bytes_of(training_.weight_gradients) + optimizer_bytes;
    return bytes * owned / device_.memory_bandwidth_bytes_per_s;
  }

  /// Of one batch, forward and backward, nothing counted twice for recomputation.
  [[nodiscard]] double model_flop() const {
    const double attention =
        attention_flop(in_.pairs, model_.heads.query, model_.heads.dim, Pass::forward) +
        attention_flop(in_.pairs, model_.heads.query, model_.heads.dim, Pass::backward);
    return 6 * static_cast<double>(model_.active_parameters()) * static_cast<double>(in_.tokens) +
           model_.layers * attention;
  }

  const StepInput& in_;
  const Model& model_;
  const Training& training_;
  const Device& device_;
  const Pipeline& pipeline_;
  double dispatch_s_;
  double tensor_gather_s_;
  double tensor_scatter_s_;
  StepParts parts_;
  int stage_ = 0;
};

}  // namespace

double overlap_loss(const Runtime& runtime, const Device& device) {
  const double taken = static_cast<double>(runtime.communication_multiprocessors) /
                       std::max(1, device.multiprocessors);
  return std::min(1.0, 1 - runtime.overlap_share + taken);
}

double exposed_seconds(double communication_s, double compute_s, double idle_s, double lost,
                       int layers) {
  const double last = communication_s / layers;
  const double hideable = std::max(0.0, communication_s - last - idle_s);
  const double together = std::max(hideable, compute_s) + lost * std::min(hideable, compute_s);
  return together - compute_s + last;
}

StepTimes step_times(const StepInput& input) { return Step(input).times(); }

}  // namespace hsap
