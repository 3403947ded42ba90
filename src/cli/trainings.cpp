#include "cli/trainings.hpp"

#include "cli/flags.hpp"
#include "cli/lists.hpp"
#include "export/option_names.hpp"

namespace hsap::cli {

Result<std::vector<Training>> read_trainings(const TrainingOptions& options, int gpus_per_node) {
  using Checkpointing = Training::Checkpointing;
  const Training plain;
  HSAP_TRY(const std::vector<int> stages, read_list<int>("--zero", options.zero, plain.zero,
                                                         {0, 1, 2, 3}, integer_reader<int>(0, 3)));
  HSAP_TRY(
      const std::vector<Checkpointing> policies,
      read_list<Checkpointing>("--checkpointing", options.checkpointing, plain.checkpointing,
                               {Checkpointing::none, Checkpointing::selective, Checkpointing::full},
                               parse_checkpointing));
  HSAP_TRY(const std::vector<int> degrees,
           read_list<int>("--tensor-parallel", options.tensor_parallel, plain.tensor_parallel,
                          divisors(gpus_per_node), integer_reader<int>(1, max_tensor_parallel)));
  HSAP_TRY(const std::vector<Dtype> gradients,
           read_list<Dtype>("--weight-gradients", options.weight_gradients, plain.weight_gradients,
                            {Dtype::bf16, Dtype::fp32}, parse_dtype));
  std::vector<Training> trainings;
  for (const int zero : stages) {
    for (const Checkpointing checkpointing : policies) {
      for (const int degree : degrees) {
        for (const Dtype gradient : gradients) {
          trainings.push_back(
              {zero, checkpointing, degree, options.global_batch, gradient, options.loss_chunks});
        }
      }
    }
  }
  return trainings;
}

}  // namespace hsap::cli
