#include "tuner/evaluate.hpp"

#include <catch2/catch.hpp>

#include "fake_search.hpp"

using namespace hsap;

TEST_CASE("figures are means over the batches, memory the largest, limit that of the slowest") {
  std::vector<BatchPrediction> batches{test::fake_prediction(Batch{{1000}}, 8, 100),
                                       test::fake_prediction(Batch{{500}}, 16, 300),
                                       test::fake_prediction(Batch{{600}}, 12, 200)};
  batches[1].limit = "network";
  const Figures figures = figures_of(batches, {}, 4, {});
  // Steps of 8, 12 and 16 s: four replicas take at most 8 s one time in 81, at most 12 s 16 times.
  // Attention is an eighth of a step forward, three eighths backward.
  const double slowest = (8.0 * 1 + 12.0 * (16 - 1) + 16.0 * (81 - 16)) / 81;
  REQUIRE(figures.step.has_value());
  CHECK(figures.step->seconds == Approx(slowest));
  CHECK(figures.attention.forward_s == Approx(1.5));
  CHECK(figures.attention.backward_s == Approx(4.5));
  CHECK(figures.bound.total_s == Approx(3));
  // 700 tokens a replica.
  CHECK(figures.step->tokens_per_s == Approx(4 * 700 / slowest));
  REQUIRE(figures.step->breakdown.size() == 2);
  CHECK(figures.step->breakdown[0].second == Approx(6));
  CHECK(figures.step->breakdown[1].second == Approx(slowest - 12));
  CHECK(figures.attention.bytes_sent == 100);  // (50 + 150 + 100) / 3
  CHECK(figures.memory.peak_bytes == 300);
  CHECK(figures.limit == "network");
}

TEST_CASE("without a step no replica waits") {
  const std::vector<Batch> batches{Batch{{1000}}, Batch{{3000}}};
  Oracle oracle;
  oracle.whole_step = false;
  oracle.predict = [&](std::size_t batch, const Strategy&) -> Result<BatchPrediction> {
    BatchPrediction prediction;
    prediction.attention.forward_s = batches[batch].tokens() / 2;
    return prediction;
  };
  oracle.least = [](std::size_t, int) { return StepTimes{1}; };
  const Evaluator evaluator(batches, oracle, 2000);
  Candidate candidate;
  candidate.replicas = 3;
  Evaluator::State state;
  evaluator.advance(candidate, state);
  evaluator.advance(candidate, state);
  CHECK(candidate.seconds == Approx(1000));
  CHECK(candidate.tokens_per_s == Approx(6));
}

TEST_CASE("without layers the objective is one layer's attention") {
  BatchPrediction batch = test::fake_prediction(Batch{{1000}}, 8, 100);
  CHECK(objective(batch).seconds == Approx(8));
  batch.step.reset();
  CHECK(objective(batch).seconds == Approx(4));
  CHECK_FALSE(figures_of(std::vector{batch}, {}, 1, {}).step.has_value());
}

TEST_CASE("a candidate counts its bound where it is not predicted yet") {
  const std::vector<Batch> batches{Batch{{1000}}, Batch{{3000}}};
  Oracle oracle;
  oracle.predict = [&](std::size_t batch, const Strategy&) -> Result<BatchPrediction> {
    return test::fake_prediction(batches[batch], 8, batches[batch].tokens());
  };
  oracle.least = [](std::size_t batch, int ranks) {
    return StepTimes{batch == 1 && ranks == 8 ? 2.0 : -1.0};
  };
  const Evaluator evaluator(batches, oracle, 2000);
  Candidate candidate;
  candidate.strategy = {2, 4};
  candidate.replicas = 3;
  candidate.outcome = Outcome::feasible;
  Evaluator::State state;
  evaluator.advance(candidate, state);
  // 8 s predicted and at least 2 s: of eight ways to draw three batches one takes 2 s. Three
  // replicas take 2000 tokens each.
  CHECK(candidate.seconds == Approx((2.0 + 7 * 8.0) / 8));
  CHECK(candidate.tokens_per_s == Approx(6000 / candidate.seconds));
  CHECK(candidate.outcome == Outcome::feasible);
  evaluator.advance(candidate, state);
  CHECK(candidate.seconds == Approx(8));
  // The second batch takes 3000 bytes of 2000.
  CHECK(candidate.outcome == Outcome::out_of_memory);
  CHECK(candidate.reason == "needs 3.0 KB of 2.0 KB");
}
