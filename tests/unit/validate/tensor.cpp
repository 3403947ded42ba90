#include <catch2/catch.hpp>
#include <cmath>

#include "hsap/execute.hpp"

namespace hsap {
namespace {

TEST_CASE("a row of a tensor is the numbers of one token and head") {
  Tensor tensor(3, 2, 4);
  tensor.row(1, 1)[2] = 5;
  CHECK(tensor.values.size() == 24);
  CHECK(tensor.values[(1 * 2 + 1) * 4 + 2] == 5);
  CHECK(std::as_const(tensor).row(1, 1)[2] == 5);
}

TEST_CASE("inputs are repeatable, differ by seed, and are exact in bf16") {
  const Problem problem{
      .batch = {{5, 3}}, .mask = {}, .heads = {.query = 4, .key_value = 2, .dim = 8}};
  const Tensors inputs = random_inputs(problem, 1);
  CHECK(inputs[Role::q].values.size() == 8 * 4 * 8);
  CHECK(inputs[Role::v].values.size() == 8 * 2 * 8);
  CHECK(inputs[Role::o].empty());
  CHECK(inputs.by_role == random_inputs(problem, 1).by_role);
  CHECK(inputs[Role::k].values != random_inputs(problem, 2)[Role::k].values);
  for (const double value : inputs[Role::dout].values) {
    int exponent = 0;
    const double significand = std::frexp(value, &exponent) * 256;  // 8 bits, as bf16 has
    CHECK(significand == std::floor(significand));
    CHECK(std::abs(value) < 1);
  }
}

}  // namespace
}  // namespace hsap
