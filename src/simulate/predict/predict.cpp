#include "hsap/predict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/units.hpp"
#include "simulate/predict/attention.hpp"
#include "simulate/predict/limit.hpp"
#include "simulate/training/memory.hpp"
#include "simulate/training/step.hpp"

namespace hsap {
namespace {

Result<Division> division_of(int ranks, const Setting& setting) {
  HSAP_CHECK(check_matmul(setting));
  HSAP_CHECK(check_offload(setting));
  HSAP_TRY(const int replicas, replicas_of(ranks, setting));
  HSAP_TRY(const Sharing sharing, sharing_of(ranks, replicas, setting.training));
  HSAP_TRY(Pipeline pipeline, pipeline_of(setting));
  return Division{ranks * replicas, sharing.accumulation, std::move(pipeline)};
}

double part_of(const StepTimes& step, std::string_view name) {
  const auto found = std::find_if(step.breakdown.begin(), step.breakdown.end(),
                                  [name](const auto& part) { return part.first == name; });
  return found == step.breakdown.end() ? 0 : found->second;
}

/// Whether a node holds what its GPUs offload.
Status check_host(const Memory& memory, const Cluster& cluster) {
  const auto bytes = static_cast<double>(memory.host_bytes);
  if (bytes <= cluster.spec().host_memory_bytes) return {};
  return infeasible(fmt::format("offloads {} a node, whose memory has {}", format_bytes(bytes),
                                format_bytes(cluster.spec().host_memory_bytes)));
}

}  // namespace

Result<Problem> problem_of(const Batch& batch, const Setting& setting) {
  HSAP_CHECK(check(batch));
  HSAP_TRY(const Heads heads,
           heads_per_rank(setting.model.heads, setting.training.tensor_parallel));
  HSAP_CHECK(layer_masks(setting.model, setting.mask));
  return Problem{batch, setting.mask, heads, setting.dtype};
}

Status check_matmul(const Setting& setting) {
  const Device& device = setting.cluster->spec().device;
  if (setting.training.matmul == Training::Matmul::bf16 || device.matmul_fp8_flop_per_s > 0) {
    return {};
  }
  return bad_input("no rate of FP8 products is known of " + device.name, "fp8",
                   "bf16, or a cluster with device.matmul_fp8_flop_per_s");
}

Status check_offload(const Setting& setting) {
  if (setting.training.offload == Training::Offload::none) return {};
  if (setting.training.checkpointing != Training::Checkpointing::full) {
    return bad_input("only what full checkpointing keeps is offloaded", "another policy",
                     "full checkpointing, or nothing offloaded");
  }
  const ClusterSpec& spec = setting.cluster->spec();
  if (spec.device.host_bandwidth_bytes_per_s > 0 && spec.host_memory_bytes > 0) return {};
  return bad_input("nothing is known of the host's memory in " + spec.name, "activations",
                   "none, or a cluster with device.host_bandwidth_bytes_per_s and "
                   "node.host_memory_bytes");
}

Result<Pipeline> pipeline_of(const Setting& setting) {
  const Training& training = setting.training;
  return pipeline_of(setting.model, training.pipeline_parallel, training.virtual_stages);
}

Result<int> replicas_of(int ranks, const Setting& setting) {
  const std::int64_t tensor = setting.training.tensor_parallel;
  const std::int64_t gpus = setting.cluster->gpus();
  if (tensor < 1 || setting.cluster->gpus_per_node() % tensor != 0) {
    return bad_input("tensor parallelism stays inside a node", std::to_string(tensor),
                     fmt::format("a divisor of {} GPUs", setting.cluster->gpus_per_node()));
  }
  HSAP_CHECK(pipeline_of(setting));
  const std::int64_t stages = setting.training.pipeline_parallel;
  const std::int64_t used = ranks * tensor * stages;
  if (ranks < 1 || gpus % used != 0) {
    return bad_input(fmt::format("ulysses x context_parallel x tensor_parallel{} must divide the "
                                 "GPUs",
                                 stages > 1 ? " x pipeline_parallel" : ""),
                     std::to_string(used), fmt::format("a divisor of {} GPUs", gpus));
  }
  HSAP_CHECK(check_expert_parallel(setting.model, setting.training.expert_parallel,
                                   static_cast<int>(gpus / stages)));
  return static_cast<int>(gpus / used);
}

Result<Sharing> sharing_of(int ranks, int replicas, const Training& training) {
  if (training.global_batch % replicas != 0) {
    return infeasible(fmt::format("{} replicas cannot share a global batch of {} evenly", replicas,
                                  training.global_batch));
  }
  Sharing sharing;
  sharing.accumulation = std::max(1, training.global_batch / replicas);
  if (training.virtual_stages > 1 && sharing.accumulation % training.pipeline_parallel != 0) {
    return infeasible(
        fmt::format("{} batches a replica, where interleaved stages take a multiple "
                    "of {}",
                    sharing.accumulation, training.pipeline_parallel));
  }
  HSAP_TRY(sharing.together,
           groups_together(training.expert_parallel, ranks * training.tensor_parallel));
  sharing.lookahead = training.lookahead;
  return sharing;
}

Result<BatchPrediction> predict(const SimulatedAttention& attention, const Problem& problem,
                                const Setting& setting) {
  HSAP_TRY(const Division division, division_of(attention.ranks, setting));
  HSAP_TRY(const std::vector<LayerMask> masks, layer_masks(setting.model, problem.mask));
  BatchPrediction out;
  out.tokens = problem.batch.tokens();
  out.documents = problem.batch.documents();
  out.attention = attention.times;
  out.bound = bound(problem, setting, attention.ranks);
  out.limit = attention.limit;
  out.basis = attention.basis;
  out.events = attention.events;
  if (!setting.model.attention_only() && setting.passes == Passes::both) {
    out.step =
        step_times({setting, attention.ranks, division.data_ranks / attention.ranks,
                    division.accumulation, division.pipeline, out.tokens, attention.rank_tokens,
                    layer_area(masks, problem.batch), attention.layers});
    out.limit += "; " + largest_part(*out.step);
    if (part_of(*out.step, waiting_for_host) > 0) {
      out.basis.push_back({"host time of a layer", Basis::Kind::uncalibrated,
                           "assumed, or from published steps of another model"});
    }
    if (setting.model.experts > 0) {
      out.basis.push_back({"expert layers", Basis::Kind::uncalibrated,
                           "small products at the rate of large ones, tokens spread evenly"});
    }
  }
  out.memory = training_memory(setting, division, attention.buffers);
  HSAP_CHECK(check_host(out.memory, *setting.cluster));
  if (setting.training.offload != Training::Offload::none) {
    out.basis.push_back({"copies to the host", Basis::Kind::uncalibrated,
                         "taken to hide behind the layer that computes beside them"});
  }
  return out;
}

Result<BatchPrediction> predict(const Batch& batch, const Strategy& strategy,
                                const Setting& setting) {
  HSAP_CHECK(division_of(strategy.ranks(), setting));
  HSAP_TRY(const Problem problem, problem_of(batch, setting));
  HSAP_TRY(const SimulatedAttention attention, simulate_attention(problem, strategy, setting));
  return predict(attention, problem, setting);
}

}  // namespace hsap
