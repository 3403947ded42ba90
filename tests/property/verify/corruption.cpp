#include <catch2/catch.hpp>
#include <sstream>

#include "hsap/verify.hpp"
#include "support/corrupter.hpp"

namespace hsap {
namespace {

using support::Corrupter;
using support::Random;

TEST_CASE("no corrupted schedule crashes the verifier, and what it rejects it can say") {
  Random random(20);
  int rejected = 0;
  for (int round = 0; round < 1000; ++round) {
    const Problem problem = support::random_problem(random);
    const Strategy strategy = support::random_strategy(random, problem, 4);
    const auto compiled =
        compile(problem, strategy, round % 2 == 0 ? Pass::forward : Pass::backward);
    REQUIRE(compiled);
    for (int copy = 0; copy < 20; ++copy) {
      Schedule schedule = *compiled;
      for (int n = random.between(1, 3); n > 0; --n) Corrupter(random).corrupt(schedule);
      const auto finding = verify(schedule, problem);
      if (!finding) continue;
      ++rejected;
      CHECK_FALSE(finding->message.empty());
      CHECK(finding->operation.has_value() == !finding->printed.empty());
    }
  }
  // Most numbers of a schedule carry meaning.
  CHECK(rejected > 1000 * 20 / 2);
}

TEST_CASE("a schedule of nothing is malformed") {
  Problem problem;
  problem.batch.lengths = {1};
  const auto finding = verify(Schedule{}, problem);
  REQUIRE(finding);
  CHECK(finding->flaw == Flaw::malformed);
}

}  // namespace
}  // namespace hsap
