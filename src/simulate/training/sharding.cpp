#include "simulate/training/sharding.hpp"

#include "simulate/training/layer.hpp"

namespace hsap {

std::array<Holding, 2> holdings(double parameters, double of_experts, const Training& training,
                                int data_ranks) {
  const int tensor = training.tensor_parallel;
  const int experts = training.expert_parallel;
  if (experts == 1) return {Holding{parameters / tensor, data_ranks, tensor}, Holding{}};
  return {Holding{(parameters - of_experts) / tensor, data_ranks, tensor},
          Holding{of_experts / experts, data_ranks * tensor / experts, experts}};
}

double parameters_of(const std::array<Holding, 2>& holdings) {
  return holdings[0].parameters + holdings[1].parameters;
}

StateBytes state_bytes(const Training& training, int ranks) {
  const auto shared_from = [&](int stage) { return training.zero >= stage ? ranks : 1; };
  const bool copies = training.matmul == Training::Matmul::fp8 && training.zero == 0;
  return {(bf16_bytes + (copies ? 2 : 0)) / shared_from(3),
          static_cast<double>(bytes_of(training.weight_gradients)) / shared_from(2),
          12.0 / shared_from(1)};
}

ParameterTraffic parameter_traffic(double parameters, const Training& training) {
  const double gradients = static_cast<double>(bytes_of(training.weight_gradients)) * parameters;
  if (training.zero == 0) return {0, 2 * gradients};
  const double gathered = matmul_bytes(training.matmul) * parameters;
  return {gathered, (training.zero == 3 ? gathered : 0) + gradients};
}

}  // namespace hsap
