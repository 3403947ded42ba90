#include <catch2/catch.hpp>

#include "hsap/execute.hpp"
#include "support/compiled.hpp"
#include "support/errors.hpp"
#include "support/random_problem.hpp"

namespace hsap {
namespace {

using support::Random;
using support::relative_error;

/// Runs both passes of random plans in some arithmetic and answers the largest relative error over
/// o, lse, dq, dk and dv, each against the reference.
double worst_error(std::uint64_t seed, Dtype dtype, Arithmetic arithmetic) {
  Random random(seed);
  Problem problem = support::random_problem(random);
  problem.dtype = dtype;
  Strategy strategy = support::random_strategy(random, problem, 8);
  if (dtype == Dtype::fp32) strategy.gradient_dtype = Dtype::fp32;
  UNSCOPED_INFO(support::describe(problem, strategy));
  Tensors truth = random_inputs(problem, seed);
  Tensors tensors = truth;
  reference_attention(problem, truth);
  const ExecuteOptions options{arithmetic, 20};
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    const auto done = execute(support::compiled(problem, strategy, pass), tensors, options);
    if (!done) FAIL(done.error().text());
  }
  double worst = 0;
  for (const Role role : {Role::o, Role::lse, Role::dq, Role::dk, Role::dv}) {
    const double error = relative_error(tensors[role], truth[role]);
    UNSCOPED_INFO(to_string(role) << " " << error);
    worst = std::max(worst, error);
  }
  return worst;
}

TEST_CASE("random plans in float64 agree with the reference") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    CHECK(worst_error(seed, Dtype::bf16, Arithmetic::fp64) < 1e-10);
  }
}

TEST_CASE("random plans in float32 agree to rounding") {
  double worst = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    const double error = worst_error(seed, Dtype::fp32, Arithmetic::fp32);
    CHECK(error < 2e-6);
    worst = std::max(worst, error);
  }
  WARN("largest relative error in float32: " << worst);
}

// Half of these plans also add up partial gradients in bf16, one hop after the other.
TEST_CASE("random plans that travel in bf16 agree to its rounding") {
  double worst = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    const double error = worst_error(seed, Dtype::bf16, Arithmetic::fp32);
    CHECK(error < 2e-2);
    worst = std::max(worst, error);
  }
  WARN("largest relative error in bf16: " << worst);
}

}  // namespace
}  // namespace hsap
