#include <catch2/catch.hpp>
#include <cmath>

#include "hsap/execute.hpp"
#include "support/dense.hpp"

namespace hsap {
namespace {

/// The inputs of the pairwise definition, so that both compute the same.
Tensors inputs_of(const Problem& problem) {
  Tensors tensors = random_inputs(problem, 1);
  for (const Role role : {Role::q, Role::k, Role::v, Role::dout}) {
    Tensor& tensor = tensors[role];
    for (Token token = 0; token < tensor.tokens; ++token) {
      for (int head = 0; head < tensor.heads; ++head) {
        for (int d = 0; d < tensor.width; ++d) {
          tensor.row(token, head)[static_cast<std::size_t>(d)] =
              support::input_value(role, token, head, d);
        }
      }
    }
  }
  return tensors;
}

void check_against_definition(const Mask& mask, const Heads& heads) {
  INFO(to_string(mask));
  const Problem problem{.batch = {{1, 40, 7, 1, 23, 80}}, .mask = mask, .heads = heads};
  Tensors tensors = inputs_of(problem);
  reference_attention(problem, tensors);
  const support::Dense truth(problem);
  for (const Role role : {Role::o, Role::lse, Role::delta, Role::dq, Role::dk, Role::dv}) {
    const Tensor& tensor = tensors[role];
    REQUIRE(tensor.tokens == problem.batch.tokens());
    double worst = 0;
    for (Token token = 0; token < tensor.tokens; ++token) {
      for (int head = 0; head < tensor.heads; ++head) {
        for (int d = 0; d < tensor.width; ++d) {
          worst = std::max(worst, std::abs(tensor.row(token, head)[static_cast<std::size_t>(d)] -
                                           truth.value(role, token, head, d)));
        }
      }
    }
    INFO(to_string(role));
    CHECK(worst < 1e-12);
  }
}

TEST_CASE("the reference is attention as its definition says, for every mask") {
  for (const char* mask : {"causal", "full", "sliding:9", "prefix:12", "shared_question:6:4",
                           "shared_question:30:50"}) {
    check_against_definition(*parse_mask(mask), {.query = 4, .key_value = 2, .dim = 9});
  }
}

TEST_CASE("the reference serves MHA and MQA") {
  check_against_definition({}, {.query = 3, .key_value = 3, .dim = 16});
  check_against_definition({}, {.query = 3, .key_value = 1, .dim = 16});
}

TEST_CASE("without do there are no gradients") {
  const Problem problem{
      .batch = {{4}}, .mask = {}, .heads = {.query = 1, .key_value = 1, .dim = 4}};
  Tensors tensors = random_inputs(problem, 1);
  tensors[Role::dout] = {};
  reference_attention(problem, tensors);
  CHECK_FALSE(tensors[Role::o].empty());
  CHECK(tensors[Role::dq].empty());
}

}  // namespace
}  // namespace hsap
