#include "hsap/predict.hpp"
#include "simulate/training/pipeline.hpp"
#include "simulate/training/replicas.hpp"
#include "unit/simulate/support.hpp"

using namespace hsap;

namespace {

std::vector<StepTimes> steps_of(const std::vector<double>& seconds) {
  std::vector<StepTimes> steps;
  for (const double each : seconds) {
    StepTimes& step = steps.emplace_back();
    step.seconds = step.parts.flop = each;
  }
  return steps;
}

const std::vector<double> uneven{3, 1, 4, 1, 5, 9, 2, 6};

}  // namespace

TEST_CASE("a loader that looks ahead, against every way to draw the batches") {
  const std::vector<StepTimes> coin = steps_of({1, 2});
  // Of four batches the lighter two and the heavier two: k twos of four make both steps take 2 from
  // k = 3 on, the second from k = 1 on.
  CHECK(expected_seconds(coin, {}, 2, {1, 1, 2}).slowest == Approx(1.625).epsilon(0.02));
  CHECK(expected_seconds(coin, {}, 2, {1, 1, 0}).slowest == Approx(1.75));
  // Two each: means of 1, 1.5, 1.5, 2 and 2 for k = 0 to 4, since neither gets both of two twos.
  CHECK(expected_seconds(coin, {}, 2, {2, 1, 1}).slowest == Approx(1.625).epsilon(0.02));
  CHECK(expected_seconds(coin, {}, 2, {2, 1, 0}).slowest == Approx(1.6875).epsilon(0.02));
}

TEST_CASE("steps of one batch each have nothing to deal out") {
  const std::vector<StepTimes> steps = steps_of(uneven);
  CHECK(expected_seconds(steps, {}, 4, {1, 1, 1}).slowest ==
        expected_seconds(steps, {}, 4, {1, 1, 0}).slowest);
}

TEST_CASE("the further a loader looks ahead the less replicas wait") {
  const std::vector<StepTimes> steps = steps_of(uneven);
  constexpr double mean = 31.0 / 8;
  for (const int together : {1, 2, 4}) {
    for (const int accumulation : {1, 4, 16}) {
      double before = expected_seconds(steps, {}, 8, {accumulation, together, 0}).slowest;
      for (const int lookahead : {2, 8, 64}) {
        const ExpectedSeconds now =
            expected_seconds(steps, {}, 8, {accumulation, together, lookahead});
        CHECK(now.mean == Approx(mean));
        CHECK(now.slowest >= mean);
        CHECK(now.slowest < before);
        before = now.slowest;
      }
      CHECK(before < 1.02 * mean);
    }
  }
}

TEST_CASE("batches that are dealt out even out within a step") {
  const std::vector<StepTimes> steps = steps_of(uneven);
  const double drawn = expected_seconds(steps, {}, 8, {16, 1, 0}).slowest;
  const double dealt = expected_seconds(steps, {}, 8, {16, 1, 1}).slowest;
  CHECK(drawn > 1.2 * 31 / 8);
  CHECK(dealt < 1.02 * 31 / 8);
  // Where replicas wait in each place, too: neighbours get neighbours.
  CHECK(expected_seconds(steps, {}, 8, {16, 4, 1}).slowest <
        0.75 * expected_seconds(steps, {}, 8, {16, 4, 0}).slowest);
}

TEST_CASE("no batch that takes longer makes a step shorter, whoever deals") {
  const Pipeline pipeline{2, {1, 1}};
  const Pipeline whole;
  for (const Pipeline* stages : {&whole, &pipeline}) {
    for (const int together : {1, 2}) {
      std::vector<StepTimes> steps = steps_of(uneven);
      for (StepTimes& step : steps) {
        step.parts.layer_forward_s = step.seconds;
        step.parts.layer_backward_s = 10 - step.seconds;
      }
      const Sharing sharing{4, together, 2};
      double before = expected_seconds(steps, *stages, 4, sharing).slowest;
      for (StepTimes& longer : steps) {
        longer.seconds += 1.5;
        longer.parts.layer_backward_s += 1.5;
        const double now = expected_seconds(steps, *stages, 4, sharing).slowest;
        CHECK(now >= before);
        before = now;
      }
    }
  }
}

TEST_CASE("a loader looks as far ahead in a large sample as in a small one") {
  std::vector<double> many;
  for (int i = 0; i < 256; ++i) many.insert(many.end(), uneven.begin(), uneven.end());
  const auto waiting = [](const std::vector<double>& seconds, int lookahead) {
    const ExpectedSeconds found = expected_seconds(steps_of(seconds), {}, 8, {1, 1, lookahead});
    return found.slowest - found.mean;
  };
  CHECK(waiting(many, 64) == Approx(waiting(uneven, 64)).epsilon(0.15));
  CHECK(waiting(many, 64) < 0.5 * waiting(many, 8));
}

TEST_CASE("huge steps are looked at in part") {
  const std::vector<StepTimes> steps = steps_of(uneven);
  const double seconds = expected_seconds(steps, {}, 1024, {1024, 1, 1 << 20}).slowest;
  CHECK(seconds == Approx(31.0 / 8).epsilon(0.03));
}
