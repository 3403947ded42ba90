#include "cli/trainings.hpp"

#include <algorithm>
#include <numeric>

#include "cli/flags.hpp"
#include "cli/lists.hpp"
#include "export/option_names.hpp"

namespace hsap::cli {

namespace {

/// Every training so far with every value.
template <typename T, typename Set>
void vary(std::vector<Training>& trainings, const std::vector<T>& values, const Set& set) {
  std::vector<Training> varied;
  for (const Training& training : trainings) {
    for (const T& value : values) set(varied.emplace_back(training), value);
  }
  trainings = std::move(varied);
}

}  // namespace

Result<std::vector<Training>> read_trainings(const TrainingOptions& options, const Cluster& cluster,
                                             const Model& model, const Training& usual) {
  using Checkpointing = Training::Checkpointing;
  using Offload = Training::Offload;
  HSAP_TRY(const std::vector<int> zeros, read_list<int>("--zero", options.zero, usual.zero,
                                                        {0, 1, 2, 3}, integer_reader<int>(0, 3)));
  HSAP_TRY(const std::vector<Checkpointing> policies,
           read_list<Checkpointing>("--checkpointing", options.checkpointing, usual.checkpointing,
                                    {Checkpointing::none, Checkpointing::norms,
                                     Checkpointing::selective, Checkpointing::full},
                                    parse_checkpointing));
  HSAP_TRY(const std::vector<int> degrees,
           read_list<int>("--tensor-parallel", options.tensor_parallel, usual.tensor_parallel,
                          divisors(cluster.gpus_per_node()),
                          integer_reader<int>(1, max_tensor_parallel)));
  HSAP_TRY(
      const std::vector<int> stages,
      read_list<int>("--pipeline-parallel", options.pipeline_parallel, usual.pipeline_parallel,
                     divisors(cluster.nodes()), integer_reader<int>(1, max_pipeline_parallel)));
  const int most_experts = model.experts == 0 ? 1 : std::gcd(model.experts, cluster.gpus());
  HSAP_TRY(const std::vector<int> experts,
           read_list<int>("--expert-parallel", options.expert_parallel, usual.expert_parallel,
                          divisors(most_experts), integer_reader<int>(1, max_expert_parallel)));
  HSAP_TRY(const std::vector<Dtype> gradients,
           read_list<Dtype>("--weight-gradients", options.weight_gradients, usual.weight_gradients,
                            {Dtype::bf16, Dtype::fp32}, parse_dtype));
  HSAP_TRY(const std::vector<Offload> offloads,
           read_list<Offload>("--offload", options.offload, usual.offload,
                              {Offload::none, Offload::activations}, parse_offload));
  Training training = usual;
  training.global_batch = options.global_batch;
  training.matmul = options.matmul;
  training.loss = options.loss;
  training.virtual_stages = options.virtual_stages;
  training.lookahead = options.lookahead;
  training.loss_chunks = options.loss_chunks;
  // Beside pipelines there may be none, but not only none.
  const bool pipelined =
      std::any_of(stages.begin(), stages.end(), [](int pipeline) { return pipeline > 1; });
  std::vector<Training> trainings{training};
  vary(trainings, zeros, [](Training& each, int zero) { each.zero = zero; });
  vary(trainings, policies, [](Training& each, Checkpointing it) { each.checkpointing = it; });
  vary(trainings, degrees, [](Training& each, int degree) { each.tensor_parallel = degree; });
  vary(trainings, stages, [&](Training& each, int pipeline) {
    each.pipeline_parallel = pipeline;
    if (pipelined && pipeline == 1) each.virtual_stages = 1;
  });
  vary(trainings, experts, [](Training& each, int degree) { each.expert_parallel = degree; });
  vary(trainings, gradients, [](Training& each, Dtype dtype) { each.weight_gradients = dtype; });
  vary(trainings, offloads, [](Training& each, Offload it) { each.offload = it; });
  // Of several policies only full checkpointing has something to offload.
  const auto idle = [](const Training& each) {
    return each.offload != Offload::none && each.checkpointing != Checkpointing::full;
  };
  if (!std::all_of(trainings.begin(), trainings.end(), idle)) std::erase_if(trainings, idle);
  return trainings;
}

Status check_training(const Setting& setting) {
  if (const Status known = check_matmul(setting); !known) return at_flag("--matmul", known.error());
  if (const Status known = check_offload(setting); !known) {
    return at_flag("--offload", known.error());
  }
  // Each beside the ones before it, so that what fails is the flag's.
  Setting so_far = setting;
  Training& training = so_far.training;
  training.pipeline_parallel = training.virtual_stages = training.expert_parallel = 1;
  if (const Result<int> ranks = replicas_of(1, so_far); !ranks) {
    return at_flag("--tensor-parallel", ranks.error());
  }
  training.pipeline_parallel = setting.training.pipeline_parallel;
  if (const Result<int> ranks = replicas_of(1, so_far); !ranks) {
    return at_flag("--pipeline-parallel", ranks.error());
  }
  training.virtual_stages = setting.training.virtual_stages;
  if (const Result<int> ranks = replicas_of(1, so_far); !ranks) {
    return at_flag("--virtual-stages", ranks.error());
  }
  if (const Result<int> ranks = replicas_of(1, setting); !ranks) {
    return at_flag("--expert-parallel", ranks.error());
  }
  return {};
}

}  // namespace hsap::cli
