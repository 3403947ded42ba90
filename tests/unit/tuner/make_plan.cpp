#include "tuner/make_plan.hpp"

#include <catch2/catch.hpp>

#include "fake_search.hpp"
#include "hsap/verify.hpp"
#include "support/sample_plan.hpp"
#include "tuner/report.hpp"
#include "tuner/search.hpp"
#include "tuner/search_json.hpp"

using namespace hsap;

namespace {

Search finished_search() {
  test::FakeSearch fake = test::fake_search(4, 2);
  for (Candidate& candidate : fake.search.candidates) candidate.replicas = 1;
  const Evaluator evaluator(fake.batches, fake.oracle, fake.search.memory_limit_bytes);
  run_search(fake.search, evaluator, {}, {});
  return fake.search;
}

PlanFrame frame() {
  const Plan sample = test::sample_plan();
  return {sample.problem, sample.cluster, sample.training, sample.provenance};
}

}  // namespace

TEST_CASE("a plan holds the winner, the runners-up and the Pareto set of its search") {
  const Search search = finished_search();
  const Plan plan = make_plan(search, frame());
  const Candidate& best = search.candidates[*search.best];
  CHECK(plan.strategy == best.strategy);
  REQUIRE(plan.predicted.step);
  CHECK(plan.predicted.step->seconds == Approx(best.seconds));
  CHECK(plan.why == search.why);
  CHECK(plan.runners_up.size() == search.runners_up.size());
  REQUIRE(plan.pareto.size() == search.pareto.size());
  CHECK(plan.pareto.front().strategy == best.strategy);
  CHECK(parse_plan(plan_text(plan), "plan.json").ok());
}

TEST_CASE("runners-up keep the parts of their step") {
  Search search = finished_search();
  REQUIRE_FALSE(search.runners_up.empty());
  Candidate& runner_up = search.candidates[search.runners_up.front()];
  REQUIRE(runner_up.figures);
  runner_up.figures->step = StepTimes{3, 1, 0.5, {{"linear", 2}, {"optimizer", 1}}};
  const Plan plan = make_plan(search, frame());
  CHECK(plan.runners_up.front().breakdown == runner_up.figures->step->breakdown);
  runner_up.figures->step.reset();
  CHECK(make_plan(search, frame()).runners_up.front().breakdown.empty());
}

TEST_CASE("embedded schedules are complete, survive the file and are right") {
  Plan plan = make_plan(finished_search(), frame());
  plan.problem.batches = {Batch{{64, 32}}, Batch{{96}}};
  plan.strategy = {2, 4, Order::ulysses_inner, Layout::zigzag, Exchange::ring};
  REQUIRE(embed_schedules(plan).ok());
  const Result<Plan> again = parse_plan(plan_text(plan), "plan.json");
  REQUIRE(again.ok());
  REQUIRE(again->schedules.size() == 4);  // two batches, two passes
  CHECK(plan_text(*again) == plan_text(plan));
  for (const EmbeddedSchedule& embedded : again->schedules) {
    CHECK_FALSE(verify(embedded.schedule, problem_of(*again, embedded.batch)).has_value());
  }
}

TEST_CASE("the search dump says what is known of every candidate") {
  const Search search = finished_search();
  const json::Ordered dump = search_json(search);
  CHECK(dump["schema"] == "hsap.search/1");
  CHECK(dump["objective"] == "step_s");
  REQUIRE(dump["candidates"].size() == search.candidates.size());
  for (std::size_t i = 0; i < search.candidates.size(); ++i) {
    const json::Ordered& item = dump["candidates"][i];
    const Outcome outcome = search.candidates[i].outcome;
    const bool fits = outcome == Outcome::feasible || outcome == Outcome::pruned;
    CHECK(item["feasible"] == fits);
    CHECK(item["seconds"].is_number() == fits);
    CHECK(item["reason"].is_null() == (outcome == Outcome::feasible));
  }
  CHECK(dump["candidates"][5]["peak_bytes"].is_null());
}

TEST_CASE("the report names the winner, its rivals and what was left out") {
  const Search search = finished_search();
  const std::string text = search_report(search, false);
  CHECK(text.find("72 strategies: ") == 0);
  CHECK(text.find("best         " + to_string(search.candidates[*search.best].strategy)) !=
        std::string::npos);
  for (const std::string& sentence : search.why) CHECK(text.find(sentence) != std::string::npos);
  CHECK(text.find("made up") != std::string::npos);
}
