#include <catch2/catch.hpp>

#include "hsap/execute.hpp"
#include "hsap/verify.hpp"
#include "support/corrupter.hpp"
#include "support/errors.hpp"

namespace hsap {
namespace {

using support::Corrupter;
using support::Random;

/// The inputs of a pass, and what it must make of them.
struct Case {
  Problem problem;
  Tensors inputs;
  Tensors truth;
};

Case draw(Random& random, std::uint64_t seed) {
  Case drawn;
  drawn.problem = support::random_problem(random);
  drawn.inputs = random_inputs(drawn.problem, seed);
  drawn.truth = drawn.inputs;
  reference_attention(drawn.problem, drawn.truth);
  return drawn;
}

/// A forward schedule may save less for a backward pass; what it saves must be right.
void forget_unsaved(Tensor& found, Tensor& truth) {
  for (std::size_t i = 0; i < truth.values.size(); ++i) {
    if (std::isnan(found.values[i])) found.values[i] = truth.values[i] = 0;
  }
}

void check_right(const Case& drawn, const Schedule& schedule) {
  Tensors tensors = drawn.inputs;
  const bool forward = schedule.pass == Pass::forward;
  if (!forward) {
    tensors[Role::o] = drawn.truth[Role::o];
    tensors[Role::lse] = drawn.truth[Role::lse];
  }
  const auto done = execute(schedule, tensors, {Arithmetic::fp64, 20});
  if (!done) FAIL(done.error().text());
  const std::vector<Role> roles =
      forward ? std::vector{Role::o, Role::lse} : std::vector{Role::dq, Role::dk, Role::dv};
  for (const Role role : roles) {
    Tensor truth = drawn.truth[role];
    if (role == Role::lse) forget_unsaved(tensors[role], truth);
    CHECK(support::relative_error(tensors[role], truth) < 1e-10);
  }
}

TEST_CASE("what the verifier accepts of corrupted schedules runs to the end and is right") {
  Random random(77);
  int accepted = 0;
  for (std::uint64_t round = 0; round < 600; ++round) {
    const Case drawn = draw(random, round);
    const Strategy strategy = support::random_strategy(random, drawn.problem, 4);
    const auto compiled =
        compile(drawn.problem, strategy, round % 2 == 0 ? Pass::forward : Pass::backward);
    const auto other =
        compile(drawn.problem, strategy, round % 2 == 0 ? Pass::backward : Pass::forward);
    REQUIRE((compiled && other));
    for (int copy = 0; copy < 10; ++copy) {
      Schedule schedule = *compiled;
      Corrupter(random).corrupt(schedule);
      if (schedule == *compiled || verify(schedule, drawn.problem)) continue;
      const bool pairs =
          round % 2 == 0 ? !check_saved(schedule, *other) : !check_saved(*other, schedule);
      if (!pairs) continue;
      ++accepted;
      INFO(support::describe(drawn.problem, strategy) << "; round " << round);
      check_right(drawn, schedule);
    }
  }
  CHECK(accepted > 100);
  WARN(accepted << " of 6000 corrupted schedules accepted and run");
}

}  // namespace
}  // namespace hsap
