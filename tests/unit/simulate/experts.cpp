#include "simulate/training/layer.hpp"
#include "simulate/training/memory.hpp"
#include "simulate/training/rates.hpp"
#include "simulate/training/replicas.hpp"
#include "simulate/training/step.hpp"
#include "unit/simulate/support.hpp"

using namespace hsap;
using namespace hsap::testing;

namespace {

constexpr double expert = 3.0 * 1024 * 512;  // parameters
constexpr double attention = 1024.0 * 20 * 128;
constexpr double router = 1024.0 * 16;
constexpr double rows = 2.0 * 1024 * 4;  // bytes of a token's visits

/// Two layers of 16 experts, of which a token uses four.
Model few_experts() {
  Model model;
  model.heads = {8, 2, 128};
  model.layers = 2;
  model.hidden = 1024;
  model.intermediate = 512;
  model.vocabulary = 1000;
  model.experts = 16;
  model.experts_per_token = 4;
  return model;
}

/// Two replicas of four GPUs, two nodes.
struct Spread {
  Cluster cluster = round_cluster(2, 4);
  Setting setting;

  Spread(int experts, int tensor) {
    setting.cluster = &cluster;
    setting.model = few_experts();
    setting.training.expert_parallel = experts;
    setting.training.tensor_parallel = tensor;
  }
  [[nodiscard]] int ranks() const { return 4 / setting.training.tensor_parallel; }
  [[nodiscard]] std::map<std::string, double> step() const {
    return named(step_times({setting,
                             ranks(),
                             2,
                             1,
                             *pipeline_of(setting.model, 1, 1),
                             4096,
                             4096 / ranks(),
                             1,
                             {{}}})
                     .breakdown);
  }
  [[nodiscard]] std::map<std::string, double> memory() const {
    AttentionBuffers none;
    none.tokens = 4096 / ranks();
    return named(training_memory(setting, {2 * ranks(), 1, *pipeline_of(setting.model, 1, 1)},
                                 std::vector{none})
                     .breakdown);
  }
};

}  // namespace

TEST_CASE("Parts for every GPU go over its links or share the NICs of the node") {
  const Cluster cluster = round_cluster(2, 4);
  CHECK(all_to_all_seconds(cluster, 4e9, 1) == 0);
  CHECK(all_to_all_seconds(cluster, 4e9, 4) == Approx(3e9 / 100e9));
  // Half of what four GPUs have leaves the node over 4 x 10 GB/s.
  CHECK(all_to_all_seconds(cluster, 4e9, 8) == Approx(4 * 2e9 / 40e9));
}

TEST_CASE("Parts for groups that lie across nodes share the NICs, too") {
  // Groups 012, 3|45, 67|8, 9ab: of the second node two GPUs send to one elsewhere, twice.
  CHECK(all_to_all_seconds(round_cluster(3, 4), 3e9, 3) == Approx(4 * 1e9 / 40e9));
  // The second has two of each group of six, which send to four elsewhere.
  CHECK(all_to_all_seconds(round_cluster(3, 4), 6e9, 6) == Approx(16 * 1e9 / 40e9));
}

TEST_CASE("Groups further apart than a node has GPUs use one GPU of each node") {
  const Cluster cluster = round_cluster(4, 2);
  CHECK(collective_seconds(cluster, 8e9, 2, 4) == Approx(2 * 4e9 / 20e9));
}

TEST_CASE("Tokens visit their experts and return, in both passes") {
  const double ordered = 2 * (2048 + rows);
  CHECK(expert_order_bytes(few_experts(), false) == ordered);
  CHECK(Spread(1, 1).step().at("expert_dispatch") == Approx(2 * 2 * 1024 * ordered / 1e12));
  // Each GPU has the rows of all 2,048 tokens where experts are cut.
  CHECK(Spread(1, 2).step().at("expert_dispatch") == Approx(2 * 2 * 2048 * ordered / 1e12));
  const double arrived = 4 * rows;
  const auto dispatch = [&](double messages_s) {
    return 2 * 2 * (1024 * (ordered + arrived) / 1e12 + 2 * messages_s);
  };
  const double sent = 1024 * rows;
  CHECK(Spread(4, 1).step().at("expert_dispatch") == Approx(dispatch(sent * 3 / 4 / 100e9)));
  CHECK(Spread(8, 1).step().at("expert_dispatch") == Approx(dispatch(4 * sent / 2 / 40e9)));
  CHECK(Spread(8, 2).step().at("expert_dispatch") == Approx(dispatch(4 * sent / 2 / 40e9)));
  Spread dense(1, 1);
  dense.setting.model = llama3_8b();
  CHECK(dense.step().count("expert_dispatch") == 0);
}

TEST_CASE("Whole experts spare the tensor-parallel collectives around the MLP") {
  CHECK(Spread(4, 2).step().at("tensor_parallel") ==
        Approx(Spread(1, 2).step().at("tensor_parallel") / 2));
}

TEST_CASE("A GPU holds, steps and reads its own experts") {
  const double rest = 2 * (attention + router) + 2 * 1000 * 1024;
  for (const int tensor : {1, 2}) {
    for (const int degree : {2, 8}) {
      Spread given(degree, tensor);
      const double slices = rest / tensor;
      const double experts = 2 * 16 * expert / degree;
      auto parts = given.memory();
      CHECK(parts.at("parameters") == 2 * (slices + experts));
      const double owned = slices / (8.0 / tensor) + experts / (8.0 / degree);
      CHECK(parts.at("optimizer") == 12 * owned);
      CHECK(given.step().at("optimizer") == Approx((2 + 26) * owned / 1e12));
      given.setting.training.zero = 3;
      parts = given.memory();
      CHECK(parts.at("parameters") == 2 * owned);
      CHECK(parts.at("gathered_layers") ==
            (2 * 2 + 2) * ((attention + router) / tensor + 16 * expert / degree));
    }
  }
  // One token: no product takes as long as reading the weights does.
  Spread given(4, 1);
  const StepTimes step =
      step_times({given.setting, 4, 2, 1, *pipeline_of(given.setting.model, 1, 1), 4, 1, 1, {{}}});
  CHECK(named(step.breakdown).at("linear") ==
        Approx(2 * 3 * 2 * (attention + router + 4 * expert) / 1e12).epsilon(5e-3));
}

TEST_CASE("Experts keep a row of every visit") {
  for (const auto policy : {Training::Checkpointing::none, Training::Checkpointing::selective}) {
    const auto kept = [&](Spread given) {
      given.setting.training.checkpointing = policy;
      return given.memory().at("activations") - 2 * saved_bytes(few_experts(), policy) * 4096 / 4;
    };
    CHECK(kept(Spread(1, 1)) == 2 * 1024 * rows);
    CHECK(kept(Spread(4, 2)) == 2 * 1024 * rows);
    CHECK(kept(Spread(1, 2)) == 2 * 2048 * rows);
  }
}

TEST_CASE("Replicas that share experts take every batch as long as the slowest") {
  std::vector<StepTimes> steps;
  for (const double seconds : {3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0}) {
    steps.emplace_back().seconds = seconds;
  }
  std::vector<double> seconds;
  for (const StepTimes& step : steps) seconds.push_back(step.seconds);
  // A set is as slow as the slowest of its replicas, in each of many batches.
  for (const int together : {2, 4}) {
    const ExpectedSeconds one = expected_seconds(steps, {}, together, {64, together});
    CHECK(one.mean == Approx(31.0 / 8));
    CHECK(one.slowest == Approx(expected_slowest(seconds, together, 1)).epsilon(0.02));
    const ExpectedSeconds alone = expected_seconds(steps, {}, together, {64, 1});
    CHECK(one.slowest > 1.2 * alone.slowest);
  }
  // Of one batch each nothing changes: all wait at the end of the step.
  CHECK(expected_seconds(steps, {}, 8, {1, 4}).slowest ==
        expected_seconds(steps, {}, 8, {1, 1}).slowest);
  // No batch that takes longer makes a step shorter.
  const double before = expected_seconds(steps, {}, 8, {4, 4}).slowest;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    std::vector<StepTimes> longer = steps;
    longer[i].seconds += 2.5;
    CHECK(expected_seconds(longer, {}, 8, {4, 4}).slowest >= before);
  }
}

TEST_CASE("Pipelines that share experts take no less when a pass takes longer") {
  const Pipeline pipeline{2, {1, 1}};
  std::vector<StepTimes> steps(4);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    // The slower forward, the quicker backward.
    steps[i].parts.layer_forward_s = 1 + 0.9 * static_cast<double>(i);
    steps[i].parts.layer_backward_s = 5 - static_cast<double>(i);
    steps[i].seconds = steps[i].parts.layer_forward_s + steps[i].parts.layer_backward_s;
  }
  const double before = expected_seconds(steps, pipeline, 4, {4, 4}).slowest;
  CHECK(before > expected_seconds(steps, pipeline, 4, {4, 1}).slowest);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for (double StepParts::*pass : {&StepParts::layer_forward_s, &StepParts::layer_backward_s}) {
      std::vector<StepTimes> longer = steps;
      longer[i].parts.*pass += 0.5;
      longer[i].seconds += 0.5;
      CHECK(expected_seconds(longer, pipeline, 4, {4, 4}).slowest >= before);
    }
  }
}

TEST_CASE("Sets of experts divide groups of GPUs or are filled by them") {
  CHECK(*groups_together(1, 6) == 1);
  CHECK(*groups_together(3, 6) == 1);
  CHECK(*groups_together(12, 6) == 2);
  CHECK(groups_together(4, 6).error().kind == ErrorKind::infeasible);
  CHECK(check_expert_parallel(few_experts(), 8, 16));
  CHECK(check_expert_parallel(few_experts(), 3, 6).error().kind == ErrorKind::bad_input);
  CHECK(check_expert_parallel(few_experts(), 8, 12).error().kind == ErrorKind::infeasible);
  CHECK(check_expert_parallel(llama3_8b(), 2, 8).error().kind == ErrorKind::bad_input);
  CHECK(check_expert_parallel(llama3_8b(), 1, 8));
}
