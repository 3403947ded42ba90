#include "simulate/training/sharding.hpp"

#include "unit/simulate/support.hpp"

using namespace hsap;

namespace {

/// USP (arXiv 2405.07719), table of communication and memory: a block of 12 d^2 parameters.
Model usp_block(std::int64_t width) {
  Model model;
  model.heads = {static_cast<int>(width / 128), static_cast<int>(width / 128), 128};
  model.layers = 1;
  model.hidden = width;
  model.intermediate = 8 * width / 3;  // 4 d^2 of attention and 3 x 8/3 d^2 of gated MLP
  model.vocabulary = 1;
  return model;
}

}  // namespace

TEST_CASE("ZeRO: 16 bytes a parameter, sharded stage by stage") {
  // arXiv 1910.02054, figure 1: (2 + 2 + 12) P; 4 P + 12 P / N; 2 P + 14 P / N; 16 P / N. USP
  // counts the same in elements: P + G and 6 P.
  const double stages[] = {16, 4 + 12 / 64.0, 2 + 14 / 64.0, 16 / 64.0};
  for (int zero = 0; zero < 4; ++zero) {
    const StateBytes state = state_bytes({zero}, 64);
    CHECK(state.parameter + state.gradient + state.optimizer == Approx(stages[zero]));
  }
}

TEST_CASE("USP's table: ZeRO-3 moves 18 where data parallelism moves 12") {
  // One all-reduce of 12 d^2 gradients is a reduce-scatter and an all-gather: two collectives of
  // 12 d^2 elements of 2 bytes. ZeRO-3 takes three: 1.5 times, 18 against 12.
  const Model block = usp_block(3072);
  const double elements = static_cast<double>(block.parameters());
  CHECK(elements == Approx(12.0 * 3072 * 3072).epsilon(1e-3));
  for (const int zero : {0, 1, 2, 3}) {
    const ParameterTraffic traffic = parameter_traffic(elements, {zero});
    const double collectives = zero == 3 ? 3 : 2;
    CHECK(traffic.forward_bytes + traffic.backward_bytes == collectives * 2 * elements);
  }
}

TEST_CASE("Gradients in fp32 are twice the bytes to reduce") {
  const double elements = static_cast<double>(usp_block(3072).parameters());
  Training training;
  for (const int zero : {0, 1, 2, 3}) {
    training = {zero};
    const ParameterTraffic small = parameter_traffic(elements, training);
    training.weight_gradients = Dtype::fp32;
    const ParameterTraffic large = parameter_traffic(elements, training);
    CHECK(large.forward_bytes == small.forward_bytes);
    const double parameters = zero == 3 ? small.forward_bytes : 0;
    CHECK(large.backward_bytes == 2 * (small.backward_bytes - parameters) + parameters);
  }
}

TEST_CASE("FP8 halves the parameters that ZeRO moves, gradients stay") {
  const double elements = static_cast<double>(usp_block(3072).parameters());
  for (const int zero : {0, 1, 2, 3}) {
    Training training{zero};
    const ParameterTraffic before = parameter_traffic(elements, training);
    const StateBytes state = state_bytes(training, 8);
    training.matmul = Training::Matmul::fp8;
    const ParameterTraffic after = parameter_traffic(elements, training);
    CHECK(after.forward_bytes == before.forward_bytes / 2);
    CHECK(before.backward_bytes - after.backward_bytes == (zero == 3 ? elements : 0));
    CHECK(state_bytes(training, 8).parameter == state.parameter + (zero == 0 ? 2 : 0));
  }
}

TEST_CASE("Whole experts on some GPUs, slices of the rest on all: every parameter is held once") {
  Training training;
  training.tensor_parallel = 2;
  const auto together = holdings(1000, 600, training, 8);
  CHECK(together[0].parameters == 500);
  CHECK(together[0].ranks == 8);
  CHECK(together[0].stride == 2);
  CHECK(parameters_of(together) == 500);
  for (const int degree : {2, 4, 16}) {
    training.expert_parallel = degree;
    const auto held = holdings(1000, 600, training, 8);
    CHECK(held[0].parameters == 200);
    CHECK(held[1].parameters == 600.0 / degree);
    CHECK(held[1].stride == degree);
    CHECK(held[1].ranks * held[1].stride == 16);
    double once = 0;
    for (const Holding& holding : held) once += 16 * holding.parameters / holding.ranks;
    CHECK(once == 1000);
  }
}
