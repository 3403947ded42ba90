#include "cli/trainings.hpp"

#include <algorithm>

#include "cli/flags.hpp"
#include "cli/lists.hpp"
#include "export/option_names.hpp"

namespace hsap::cli {

Result<std::vector<Training>> read_trainings(const TrainingOptions& options, int nodes,
                                             int gpus_per_node, const Training& usual) {
  using Checkpointing = Training::Checkpointing;
  HSAP_TRY(const std::vector<int> stages, read_list<int>("--zero", options.zero, usual.zero,
                                                         {0, 1, 2, 3}, integer_reader<int>(0, 3)));
  HSAP_TRY(const std::vector<Checkpointing> policies,
           read_list<Checkpointing>("--checkpointing", options.checkpointing, usual.checkpointing,
                                    {Checkpointing::none, Checkpointing::norms,
                                     Checkpointing::selective, Checkpointing::full},
                                    parse_checkpointing));
  HSAP_TRY(const std::vector<int> degrees,
           read_list<int>("--tensor-parallel", options.tensor_parallel, usual.tensor_parallel,
                          divisors(gpus_per_node), integer_reader<int>(1, max_tensor_parallel)));
  HSAP_TRY(const std::vector<int> pipelines,
           read_list<int>("--pipeline-parallel", options.pipeline_parallel, usual.pipeline_parallel,
                          divisors(nodes), integer_reader<int>(1, max_pipeline_parallel)));
  HSAP_TRY(const std::vector<Dtype> gradients,
           read_list<Dtype>("--weight-gradients", options.weight_gradients, usual.weight_gradients,
                            {Dtype::bf16, Dtype::fp32}, parse_dtype));
  // Beside pipelines there may be none, but not only none.
  const bool several_stages =
      std::any_of(pipelines.begin(), pipelines.end(), [](int pipeline) { return pipeline > 1; });
  std::vector<Training> trainings;
  Training training = usual;
  training.global_batch = options.global_batch;
  training.loss = options.loss;
  training.sort_batches = options.sort_batches;
  training.loss_chunks = options.loss_chunks;
  for (const int zero : stages) {
    training.zero = zero;
    for (const Checkpointing checkpointing : policies) {
      training.checkpointing = checkpointing;
      for (const int degree : degrees) {
        training.tensor_parallel = degree;
        for (const int pipeline : pipelines) {
          training.pipeline_parallel = pipeline;
          training.virtual_stages = several_stages && pipeline == 1 ? 1 : options.virtual_stages;
          for (const Dtype gradient : gradients) {
            training.weight_gradients = gradient;
            trainings.push_back(training);
          }
        }
      }
    }
  }
  return trainings;
}

Status check_training(const Setting& setting) {
  Setting one_stage = setting;
  one_stage.training.pipeline_parallel = 1;
  one_stage.training.virtual_stages = 1;
  if (const Result<int> ranks = replicas_of(1, one_stage); !ranks) {
    return at_flag("--tensor-parallel", ranks.error());
  }
  if (const Result<int> ranks = replicas_of(1, setting); !ranks) {
    return at_flag("--pipeline-parallel", ranks.error());
  }
  return {};
}

}  // namespace hsap::cli
