#include "simulate/training/replicas.hpp"

#include <algorithm>
#include <cmath>

#include "hsap/predict.hpp"
#include "simulate/training/pipeline.hpp"
#include "unit/simulate/support.hpp"

using namespace hsap;

namespace {

/// The mean, over every way in which replicas may draw batches, of the slowest.
double slowest_of_all_draws(const std::vector<double>& seconds, int replicas) {
  const std::size_t ways = static_cast<std::size_t>(
      std::llround(std::pow(static_cast<double>(seconds.size()), replicas)));
  double sum = 0;
  for (std::size_t way = 0; way < ways; ++way) {
    double slowest = 0;
    std::size_t digits = way;
    for (int replica = 0; replica < replicas; ++replica, digits /= seconds.size()) {
      slowest = std::max(slowest, seconds[digits % seconds.size()]);
    }
    sum += slowest;
  }
  return sum / static_cast<double>(ways);
}

BatchPrediction batch(double seconds, Token tokens) {
  BatchPrediction batch;
  batch.tokens = tokens;
  batch.step =
      StepTimes{seconds, tokens / seconds, 3 / seconds, {{"linear", 1}, {"idle", seconds - 1}}};
  return batch;
}

}  // namespace

TEST_CASE("the slowest of some replicas, against every way to draw their batches") {
  const std::vector<double> seconds{3, 1, 4, 1, 5};
  for (const int replicas : {1, 2, 3, 5}) {
    CHECK(expected_slowest(seconds, replicas, 1) ==
          Approx(slowest_of_all_draws(seconds, replicas)).epsilon(1e-12));
  }
  // Two batches, two replicas: one of four ways is quick.
  CHECK(expected_slowest(std::vector<double>{1, 2}, 2, 1) == Approx(0.25 * 1 + 0.75 * 2));
}

TEST_CASE("replicas wait for nothing alone or with equal batches, and for the longest when many") {
  const std::vector<double> equal(7, 0.1);
  CHECK(expected_slowest(equal, 64, 1) == Approx(0.1).epsilon(1e-12));
  const std::vector<double> seconds{3, 1, 4, 1, 5};
  CHECK(expected_slowest(seconds, 1, 1) == Approx(2.8));
  CHECK(expected_slowest(seconds, 1 << 20, 1) == Approx(5));
}

TEST_CASE("batches that are added up first even out") {
  const std::vector<double> seconds{3, 1, 4, 1, 5};
  // Every sum of two batches, as what one replica draws.
  std::vector<double> pairs;
  for (const double a : seconds) {
    for (const double b : seconds) pairs.push_back((a + b) / 2);
  }
  for (const int replicas : {2, 4}) {
    CHECK(expected_slowest(seconds, replicas, 2) ==
          Approx(slowest_of_all_draws(pairs, replicas)).epsilon(0.01));
  }
  double before = 5;
  for (const int accumulation : {1, 2, 4, 16, 256}) {
    const double now = expected_slowest(seconds, 8, accumulation);
    CHECK(now < before);
    before = now;
  }
  // Means of 256 have a deviation of 1.6 / 16, and the largest of eight is 1.42 of those above.
  CHECK(before == Approx(2.8 + 1.42 * 0.1).epsilon(0.01));
  CHECK(expected_slowest(seconds, 1, 256) == Approx(2.8));
}

TEST_CASE("no batch that takes longer makes a step shorter: bounds of batches bound the step") {
  for (const int accumulation : {1, 3}) {
    std::vector<double> seconds{3, 1, 4, 1, 5};
    for (double& longer : seconds) {
      const double before = expected_slowest(seconds, 6, accumulation);
      longer += 0.7;
      CHECK(expected_slowest(seconds, 6, accumulation) >= before);
    }
  }
}

TEST_CASE("a step of several replicas is the mean of the batches and the wait") {
  // Steps of 2 and 4 s; two replicas take 3.5 s, 0.5 s more than the mean.
  const std::vector<BatchPrediction> batches{batch(2, 100), batch(4, 300)};
  const StepTimes step = expected_step(batches, {}, 2, {});
  CHECK(step.seconds == Approx(3.5));
  REQUIRE(step.breakdown.size() == 3);
  CHECK(step.breakdown[0].second == Approx(1));
  CHECK(step.breakdown[1].second == Approx(2));
  CHECK(step.breakdown[2].first == waiting_for_replicas);
  CHECK(step.breakdown[2].second == Approx(0.5));
  CHECK(step.tokens_per_s == Approx(2 * 200 / 3.5));  // both replicas take 200 tokens on average
  CHECK(step.mfu == Approx(3 / 3.5));
  // With three batches each, which take 2 and 4 s as often: the step has six.
  const StepTimes longer = expected_step(batches, {}, 2, {3});
  CHECK(longer.tokens_per_s == Approx(6 * 200 / longer.seconds));
}

TEST_CASE("one replica never waits") {
  const StepTimes step = expected_step(std::vector{batch(2, 100), batch(4, 300)}, {}, 1, {});
  CHECK(step.seconds == Approx(3));
  CHECK(step.breakdown.back().second == 0);
}

TEST_CASE("batches of a pipeline wait for each other") {
  Model model;
  model.layers = 4;
  const Pipeline pipeline = *pipeline_of(model, 4, 1);
  const auto step_of = [&](double layer_s, int accumulation) {
    StepTimes step;
    step.parts.layer_forward_s = layer_s;
    step.parts.layer_backward_s = 2 * layer_s;
    step.parts.once_s = 5;
    step.seconds = 5 + pipeline_seconds(step.parts, accumulation, pipeline);
    return step;
  };
  // Equal batches: nothing but the step itself.
  const std::vector<StepTimes> equal(3, step_of(1, 8));
  const ExpectedSeconds same = expected_seconds(equal, pipeline, 16, {8});
  CHECK(same.mean == Approx(equal[0].seconds));
  CHECK(same.slowest == Approx(equal[0].seconds));
  for (const int accumulation : {8, 512}) {
    const std::vector<StepTimes> mixed{step_of(1, accumulation), step_of(3, accumulation)};
    const double mean = (mixed[0].seconds + mixed[1].seconds) / 2;
    const ExpectedSeconds one = expected_seconds(mixed, pipeline, 1, {accumulation});
    CHECK(one.mean > 1.05 * mean);  // a short batch waits for a long one on another stage
    CHECK(one.mean < mixed[1].seconds);
    CHECK(one.slowest == Approx(one.mean));
    CHECK(expected_seconds(mixed, pipeline, 8, {accumulation}).slowest > one.slowest);
    const std::vector<StepTimes> longer{step_of(1, accumulation), step_of(3.5, accumulation)};
    CHECK(expected_seconds(longer, pipeline, 8, {accumulation}).slowest >
          expected_seconds(mixed, pipeline, 8, {accumulation}).slowest);
  }
}

TEST_CASE("batches by their work stall a pipeline less") {
  Model model;
  model.layers = 8;
  const Pipeline pipeline = *pipeline_of(model, 8, 1);
  std::vector<StepTimes> steps(8);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    StepParts& parts = steps[i].parts;
    parts.flop = i == 3 ? 2 : 1;
    parts.layer_forward_s = i == 3 ? 1.37 : 1;
    parts.layer_backward_s = 2 * parts.layer_forward_s;
    steps[i].seconds = pipeline_seconds(parts, 128, pipeline);
  }
  double equal = 0;
  for (const StepTimes& step : steps) equal += step.seconds / 8;
  const double drawn = expected_seconds(steps, pipeline, 1, {128}).mean;
  const double sorted = expected_seconds(steps, pipeline, 1, {128, 1, 1}).mean;
  CHECK(drawn > 1.1 * equal);
  CHECK(sorted < 1.03 * equal);
  CHECK(sorted > equal);
}

TEST_CASE("what unequal batches cost a pipeline counts to its bubble") {
  Model model;
  model.layers = 4;
  const Pipeline pipeline = *pipeline_of(model, 2, 1);
  std::vector<BatchPrediction> batches;
  for (const double layer_s : {1.0, 3.0}) {
    BatchPrediction batch;
    batch.tokens = 100;
    StepTimes step;
    step.parts.layer_forward_s = step.parts.layer_backward_s = layer_s;
    step.seconds = pipeline_seconds(step.parts, 6, pipeline);
    step.breakdown = {{"linear", 6 * 4 * layer_s}, {pipeline_bubble, step.seconds - 24 * layer_s}};
    batch.step = step;
    batches.push_back(batch);
  }
  const StepTimes step = expected_step(batches, pipeline, 4, {6});
  REQUIRE(step.breakdown.size() == 3);
  CHECK(step.breakdown[0].second == Approx(48));
  CHECK(step.breakdown[1].second > 2.0 * 4);  // what it is on average of equal batches
  CHECK(step.breakdown[2].first == waiting_for_replicas);
  CHECK(step.breakdown[0].second + step.breakdown[1].second + step.breakdown[2].second ==
        Approx(step.seconds));
  CHECK(step.tokens_per_s == Approx(4 * 6 * 100 / step.seconds));
}
