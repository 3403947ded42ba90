#include <catch2/catch.hpp>

#include "hsap/verify.hpp"
#include "support/compiled.hpp"
#include "support/random_problem.hpp"

namespace hsap {
namespace {

void check_verified(const Problem& problem, const Strategy& strategy, Pass pass) {
  INFO(to_string(pass) << " of " << support::describe(problem, strategy));
  const Result<Schedule> schedule = compile(problem, strategy, pass);
  if (!schedule.ok()) FAIL(schedule.error().text());
  const std::optional<Finding> finding = verify(schedule.value(), problem);
  CHECK((finding ? finding->text() : std::string()) == "");
}

void check_pair(const Problem& problem, const Strategy& strategy) {
  INFO(support::describe(problem, strategy));
  const std::optional<Finding> finding =
      check_saved(support::compiled(problem, strategy, Pass::forward),
                  support::compiled(problem, strategy, Pass::backward));
  CHECK((finding ? finding->text() : std::string()) == "");
}

/// One round for each seed, so that a failure names what to run again.
TEST_CASE("the verifier accepts every schedule of random problems and strategies") {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    support::Random random(seed);
    const Problem problem = support::random_problem(random);
    const Strategy strategy = support::random_strategy(random, problem);
    INFO("seed " << seed);
    check_verified(problem, strategy, Pass::forward);
    check_verified(problem, strategy, Pass::backward);
    check_pair(problem, strategy);
  }
}

TEST_CASE("the same problem and strategy give equal schedules") {
  for (std::uint64_t seed = 5001; seed <= 5300; ++seed) {
    support::Random random(seed);
    const Problem problem = support::random_problem(random);
    const Strategy strategy = support::random_strategy(random, problem);
    INFO("seed " << seed << ": " << support::describe(problem, strategy));
    const Problem again = problem;
    for (const Pass pass : {Pass::forward, Pass::backward}) {
      CHECK(
          (support::compiled(problem, strategy, pass) == support::compiled(again, strategy, pass)));
    }
  }
}

}  // namespace
}  // namespace hsap
