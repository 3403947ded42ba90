// Compiled schedules, run on real numbers, give attention and its gradients: an oracle that knows
// nothing of the verifier's reasoning.
#include <catch2/catch.hpp>

#include "hsap/compile.hpp"
#include "support/interpreter.hpp"
#include "support/random_problem.hpp"

using namespace hsap;
using namespace hsap::support;

namespace {

/// Sums of a few hundred products of numbers below one, in another order than the truth's.
constexpr double tolerance = 1e-10;

Problem small_problem(Random& random) {
  Problem problem;
  problem.batch = random_batch(random, 8, 12);
  problem.mask = random_mask(random);
  problem.heads = random_heads(random);
  problem.heads.dim = 4;
  return problem;
}

void drop_first_tile(Schedule& schedule) {
  for (Operation& op : schedule.operations) {
    if (op.kind != Kind::attend && op.kind != Kind::attend_backward) continue;
    ++op.payload.first;
    --op.payload.count;
    return;
  }
}

}  // namespace

TEST_CASE("random schedules compute attention and its gradients") {
  Random random(20260);
  for (int round = 0; round < 120; ++round) {
    const Problem problem = small_problem(random);
    const Dense truth(problem);
    for (int variant = 0; variant < 3; ++variant) {
      const Strategy strategy = random_strategy(random, problem, 6);
      for (const Pass pass : {Pass::forward, Pass::backward}) {
        const Result<Schedule> schedule = compile(problem, strategy, pass);
        INFO(describe(problem, strategy) << " " << to_string(pass));
        REQUIRE(schedule.ok());
        Interpreter interpreter(*schedule, truth, static_cast<std::uint64_t>(round));
        REQUIRE(interpreter.run());
        REQUIRE(interpreter.worst_error() < tolerance);
      }
    }
  }
}

TEST_CASE("the oracle notices a dropped tile") {
  Problem problem;
  problem.batch.lengths = {9, 7};
  problem.heads = {2, 1, 4};
  Strategy strategy;
  strategy.context_parallel = 2;
  const Dense truth(problem);
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    Result<Schedule> schedule = compile(problem, strategy, pass);
    REQUIRE(schedule.ok());
    drop_first_tile(*schedule);
    Interpreter interpreter(*schedule, truth, 1);
    REQUIRE(interpreter.run());
    CHECK_FALSE(interpreter.worst_error() < 1e-3);
  }
}
