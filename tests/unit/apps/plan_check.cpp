#include "apps/plan/check.hpp"

#include <catch2/catch.hpp>

#include "export/plan/fingerprint.hpp"
#include "hsap/compile.hpp"
#include "hsap/verify.hpp"
#include "support/sample_plan.hpp"

using namespace hsap;

namespace {

/// The sample plan with a strategy that is small to compile.
Plan ring_plan() {
  Plan plan = test::sample_plan();
  plan.problem.batches = {Batch{{64, 64}}, Batch{{128}}};
  plan.strategy = {2, 4, Order::ulysses_inner, Layout::zigzag, Exchange::ring};
  return plan;
}

}  // namespace

TEST_CASE("every batch and pass of a plan is compiled and proved") {
  const auto all = apps::check_plan(ring_plan(), 0);
  REQUIRE(all.ok());
  REQUIRE(all->size() == 4);
  CHECK((*all)[0].what == "batch 0, forward");
  CHECK((*all)[3].what == "batch 1, backward");
  for (const apps::Checked& each : *all) CHECK(each.finding.empty());
}

TEST_CASE("checking gives the same with any number of threads") {
  const auto one = apps::check_plan(ring_plan(), 1);
  const auto four = apps::check_plan(ring_plan(), 4);
  REQUIRE((one.ok() && four.ok()));
  for (std::size_t i = 0; i < one->size(); ++i) {
    CHECK((*one)[i].what == (*four)[i].what);
    CHECK((*one)[i].operations == (*four)[i].operations);
  }
}

TEST_CASE("an embedded schedule is checked as it stands") {
  Plan plan = ring_plan();
  Result<Schedule> schedule = compile(problem_of(plan, 1), plan.strategy, Pass::forward);
  REQUIRE(schedule.ok());
  plan.schedules.push_back({1, *schedule});
  // A slice that is gone leaves pairs that nobody attends.
  for (Operation& op : schedule->operations) {
    if (op.kind == Kind::attend && op.payload.count > 0) {
      --op.payload.count;
      break;
    }
  }
  plan.schedules.push_back({1, *schedule});
  const auto all = apps::check_plan(plan, 0);
  REQUIRE(all.ok());
  REQUIRE(all->size() == 6);
  CHECK((*all)[4].what == "batch 1, forward, embedded");
  CHECK((*all)[4].finding.empty());
  INFO((*all)[5].finding);
  CHECK((*all)[5].finding.find("wrong_pairs") == 0);
}

TEST_CASE("an embedded pass is held against the other pass that runs with it") {
  Plan plan = ring_plan();
  const Problem problem = problem_of(plan, 1);
  Schedule forward = *compile(problem, plan.strategy, Pass::forward);
  Schedule backward = *compile(problem, plan.strategy, Pass::backward);
  const auto last_finding = [&] {
    const auto all = apps::check_plan(plan, 0);
    REQUIRE(all.ok());
    return all->back().finding;
  };
  SECTION("both embedded") {
    plan.schedules = {{1, forward}, {1, backward}};
    CHECK(last_finding().empty());
  }
  SECTION("backward takes keys that no forward leaves") {
    for (Buffer& buffer : backward.buffers) {
      if (buffer.rank != 1 || buffer.role != Role::k || buffer.usage != Usage::input) continue;
      const auto own = backward.intervals_of(buffer);
      Intervals rows(own.begin(), own.end());
      rows.push_back({30, 31, 1});
      buffer.intervals = {static_cast<Index>(backward.intervals.size()),
                          static_cast<Index>(rows.size())};
      backward.intervals.insert(backward.intervals.end(), rows.begin(), rows.end());
    }
    REQUIRE_FALSE(verify(backward, problem));
    SECTION("compiled") { plan.schedules = {{1, backward}}; }
    SECTION("embedded") { plan.schedules = {{1, forward}, {1, backward}}; }
    CHECK(last_finding().find("not_saved: input k of rank 1 ") == 0);
  }
  SECTION("forward lets go what backward takes") {
    for (Buffer& buffer : forward.buffers) {
      if (buffer.usage == Usage::saved) buffer.usage = Usage::staging;
    }
    REQUIRE_FALSE(verify(forward, problem));
    plan.schedules = {{1, forward}};
    CHECK(last_finding().find("not_saved: input q of rank 0 ") == 0);
    plan.problem.passes = Passes::forward;
    CHECK(last_finding().empty());
  }
}

TEST_CASE("batches that were changed after planning are found by their hash") {
  Plan plan = ring_plan();
  plan.provenance.inputs = {{"batches", "", fnv1a64(batches_text(plan.problem.batches))}};
  CHECK(apps::check_plan(plan, 0).ok());
  plan.problem.batches[0].lengths = {65, 63};
  const auto all = apps::check_plan(plan, 0);
  REQUIRE_FALSE(all.ok());
  CHECK(all.error().kind == ErrorKind::infeasible);
  CHECK(all.error().message.find("the batches were changed") == 0);
}

TEST_CASE("a strategy that cannot be compiled is an answer, not a crash") {
  Plan plan = ring_plan();
  plan.strategy.ulysses = 64;  // 32 query heads
  const auto all = apps::check_plan(plan, 0);
  REQUIRE_FALSE(all.ok());
  CHECK(all.error().kind == ErrorKind::infeasible);
}

TEST_CASE("layers with a window are checked by themselves") {
  Plan plan = ring_plan();
  plan.problem.batches = {Batch{{64, 64}}};
  plan.problem.model.window = 16;
  plan.problem.model.window_layers = 24;
  const PlannedPass item{0, Pass::backward, true};
  plan.schedules.push_back(
      {0, *compile(problem_of(plan, 0, true), plan.strategy, item.pass), item.window});
  // One of the other layers attends to too much.
  plan.schedules.push_back(
      {0, *compile(problem_of(plan, 0), plan.strategy, item.pass), item.window});
  const auto all = apps::check_plan(plan, 0);
  REQUIRE(all.ok());
  REQUIRE(all->size() == 6);
  CHECK((*all)[3].what == "batch 0, window, backward");
  CHECK((*all)[4].what == "batch 0, window, backward, embedded");
  for (std::size_t i = 0; i < 5; ++i) CHECK((*all)[i].finding.empty());
  CHECK_FALSE((*all)[5].finding.empty());
}
