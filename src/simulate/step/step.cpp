#include "simulate/step/step.hpp"

#include <algorithm>

#include "simulate/step/layer.hpp"
#include "simulate/step/rates.hpp"

namespace hsap {
namespace {

/// Adam: reads the fp32 master copy and two moments beside a gradient, writes the three back and a
/// bf16 parameter.
constexpr double optimizer_bytes = 12 + 12 + 2;
/// Passes over the bf16 logits: softmax reads them twice, gradients are written and read again.
constexpr double logits_passes = 4;

class Step {
 public:
  explicit Step(const StepInput& input)
      : in_(input),
        model_(input.setting.model),
        training_(input.setting.training),
        device_(input.setting.cluster->spec().device) {}

  [[nodiscard]] StepTimes times() const {
    StepTimes step;
    step.breakdown = {{"attention_compute", layers() * attention_compute()},
                      {"attention_exposed_communication", layers() * attention_exposed()},
                      {"attention_idle", layers() * attention_idle()},
                      {"linear", 3 * linear_forward() + 3 * elementwise_forward()},
                      {"recompute", recompute()},
                      {"embedding_and_logits", embedding_and_logits()},
                      {"tensor_parallel",
                       tensor_parallel(tensor_collectives_forward + tensor_collectives_backward)}};
    for (auto& [name, seconds] : step.breakdown) seconds *= in_.accumulation;
    step.breakdown.emplace_back("data_parallel", data_parallel());
    step.breakdown.emplace_back("optimizer", optimizer());
    for (const auto& [name, seconds] : step.breakdown) step.seconds += seconds;
    const double batches = static_cast<double>(in_.replicas) * in_.accumulation;
    step.tokens_per_s = batches * static_cast<double>(in_.tokens) / step.seconds;
    const double gpus = data_ranks() * tensor();
    step.mfu = batches * model_flop() / (gpus * device_.peak_flop_per_s * step.seconds);
    return step;
  }

 private:
  [[nodiscard]] double layers() const { return model_.layers; }
  [[nodiscard]] double tensor() const { return training_.tensor_parallel; }
  [[nodiscard]] double rank_tokens() const { return static_cast<double>(in_.rank_tokens); }
  [[nodiscard]] int data_ranks() const { return in_.ranks * in_.replicas; }

  [[nodiscard]] double attention_compute() const {
    return in_.forward.compute_s + in_.backward.compute_s;
  }
  [[nodiscard]] double attention_exposed() const {
    return in_.forward.exposed_communication_s + in_.backward.exposed_communication_s;
  }
  /// Neither computing nor communicating: the host issues, or a peer is late.
  [[nodiscard]] double attention_idle() const {
    return in_.forward.seconds + in_.backward.seconds - attention_compute() - attention_exposed();
  }

  /// Matrix products of all layers, forward; backward takes twice that (inputs and weights).
  [[nodiscard]] double linear_forward() const {
    const double weights = static_cast<double>(active_layer_parameters(model_)) / tensor();
    const double flop = 2 * weights * rank_tokens();
    return layers() * std::max(flop / device_.matmul_flop_per_s,
                               bf16_bytes * weights / device_.memory_bandwidth_bytes_per_s);
  }
  /// Norms, rotary embedding, activation of all layers, forward.
  [[nodiscard]] double elementwise_forward() const {
    return layers() * elementwise_bytes(model_) * rank_tokens() / tensor() /
           device_.memory_bandwidth_bytes_per_s;
  }

  /// Selective checkpointing repeats what is cheap, full checkpointing the whole forward pass of
  /// the layers, attention's communication and the tensor-parallel one included.
  [[nodiscard]] double recompute() const {
    switch (training_.checkpointing) {
      case Training::Checkpointing::none:
        return 0;
      case Training::Checkpointing::selective:
        return elementwise_forward();
      case Training::Checkpointing::full:
        return layers() * in_.forward.seconds + linear_forward() + elementwise_forward() +
               tensor_parallel(tensor_collectives_forward);
    }
    return 0;
  }

  [[nodiscard]] double embedding_and_logits() const {
    const double tokens = rank_tokens();
    const double hidden = static_cast<double>(model_.hidden);
    const double vocabulary = static_cast<double>(model_.vocabulary) / tensor();
    const double flop = 6 * tokens * hidden * vocabulary;
    const double look_up = 2 * 2 * bf16_bytes * tokens * hidden;  // read and write, both passes
    const double logits = logits_passes * bf16_bytes * tokens * vocabulary;
    return flop / device_.matmul_flop_per_s +
           (look_up + logits) / device_.memory_bandwidth_bytes_per_s;
  }

  /// Nothing hides them: each stands between two matrix products that need it.
  [[nodiscard]] double tensor_parallel(int collectives) const {
    const double bytes = bf16_bytes * rank_tokens() * static_cast<double>(model_.hidden);
    return layers() * collectives *
           collective_seconds(*in_.setting.cluster, bytes, training_.tensor_parallel, 1);
  }

  /// Hides behind the linear layers of its pass; attention has its own traffic.
  [[nodiscard]] double data_parallel() const {
    const ParameterTraffic traffic = parameter_traffic(model_, training_);
    const auto seconds = [&](double bytes) {
      return collective_seconds(*in_.setting.cluster, bytes, data_ranks(),
                                training_.tensor_parallel);
    };
    const double forward = linear_forward() + elementwise_forward();
    const double lost = overlap_loss(in_.setting.runtime, device_);
    const int gathers = training_.zero == 3 ? in_.accumulation : 1;
    const int reductions = training_.zero >= 2 ? in_.accumulation : 1;
    return gathers * exposed_seconds(seconds(traffic.forward_bytes), forward, lost, model_.layers) +
           reductions *
               exposed_seconds(seconds(traffic.backward_bytes), 2 * forward, lost, model_.layers);
  }

  [[nodiscard]] double optimizer() const {
    const double shards = tensor() * (training_.zero >= 1 ? data_ranks() : 1);
    const double bytes = bytes_of(training_.weight_gradients) + optimizer_bytes;
    return bytes * static_cast<double>(model_.parameters()) / shards /
           device_.memory_bandwidth_bytes_per_s;
  }

  /// Of one batch, forward and backward, nothing counted twice for recomputation.
  [[nodiscard]] double model_flop() const {
    const double attention =
        attention_flop(in_.pairs, model_.heads.query, model_.heads.dim, Pass::forward) +
        attention_flop(in_.pairs, model_.heads.query, model_.heads.dim, Pass::backward);
    return 6 * static_cast<double>(model_.active_parameters()) * static_cast<double>(in_.tokens) +
           layers() * attention;
  }

  const StepInput& in_;
  const Model& model_;
  const Training& training_;
  const Device& device_;
};

}  // namespace

PassTimes slowest_rank(const Simulation& simulation) {
  const auto slowest = std::max_element(
      simulation.ranks.begin(), simulation.ranks.end(),
      [](const RankTimes& a, const RankTimes& b) { return a.finish_s < b.finish_s; });
  if (slowest == simulation.ranks.end()) return {};
  return {slowest->finish_s, slowest->compute_s, slowest->communication_s,
          slowest->exposed_communication_s};
}

ParameterTraffic parameter_traffic(const Model& model, const Training& training) {
  const double slice = static_cast<double>(model.parameters()) / training.tensor_parallel;
  const double parameters = bf16_bytes * slice;
  const double gradients = static_cast<double>(bytes_of(training.weight_gradients)) * slice;
  if (training.zero == 0) return {0, 2 * gradients};
  if (training.zero == 3) return {parameters, parameters + gradients};
  return {parameters, gradients};
}

double overlap_loss(const Runtime& runtime, const Device& device) {
  const double taken = static_cast<double>(runtime.communication_multiprocessors) /
                       std::max(1, device.multiprocessors);
  return std::min(1.0, 1 - runtime.overlap_share + taken);
}

double exposed_seconds(double communication_s, double compute_s, double lost, int layers) {
  const double last = communication_s / layers;
  const double hideable = communication_s - last;
  const double together = std::max(hideable, compute_s) + lost * std::min(hideable, compute_s);
  return together - compute_s + last;
}

StepTimes step_times(const StepInput& input) { return Step(input).times(); }

}  // namespace hsap
