#include <catch2/catch.hpp>

#include "property/verify/mistakes.hpp"

namespace hsap {
namespace {

using test::Mutation;
using test::Random;

/// Compiles random problems until a mutation has applied to `wanted` of them.
void check_rejected(const Mutation& mutation, int wanted, std::uint64_t seed) {
  Random random(seed);
  int applied = 0;
  for (int attempt = 0; attempt < 40 * wanted && applied < wanted; ++attempt) {
    const Problem problem = support::random_problem(random);
    const Strategy strategy = support::random_strategy(random, problem, 6);
    const Pass pass = random.once_in(2) ? Pass::forward : Pass::backward;
    auto compiled = compile(problem, strategy, pass);
    REQUIRE(compiled);
    if (!mutation.apply(*compiled, random)) continue;
    ++applied;
    const auto finding = verify(*compiled, problem);
    INFO(mutation.name << ", " << to_string(pass) << ": " << support::describe(problem, strategy));
    REQUIRE(finding);
    INFO(finding->text());
    CHECK(mutation.flaws.contains(finding->flaw));
    if (finding->operation) CHECK_FALSE(finding->printed.empty());
  }
  INFO(mutation.name << " applied " << applied << " times");
  CHECK(applied >= wanted / 2);
}

TEST_CASE("a compiled schedule with one mistake is rejected for it") {
  std::uint64_t seed = 1;
  for (const Mutation& mutation : test::mutations()) check_rejected(mutation, 300, seed++);
}

TEST_CASE("a backward schedule that takes a row which forward does not leave is rejected") {
  Random random(1000);
  int alone_right = 0;
  for (int applied = 0; applied < 300;) {
    const Problem problem = support::random_problem(random);
    const Strategy strategy = support::random_strategy(random, problem, 6);
    const auto forward = compile(problem, strategy, Pass::forward);
    auto backward = compile(problem, strategy, Pass::backward);
    REQUIRE((forward && backward));
    INFO(support::describe(problem, strategy));
    REQUIRE_FALSE(check_saved(*forward, *backward));
    if (!test::take_foreign_token(*backward, random)) continue;
    ++applied;
    if (!verify(*backward, problem)) ++alone_right;
    const auto finding = check_saved(*forward, *backward);
    REQUIRE(finding);
    CHECK(finding->flaw == Flaw::not_saved);
  }
  // No other check sees it.
  CHECK(alone_right > 200);
}

}  // namespace
}  // namespace hsap
