#include <catch2/catch.hpp>
#include <limits>
#include <tuple>

#include "kernels/attention/backward_hopper.hpp"
#include "kernels/attention/backward_portable.hpp"
#include "unit/kernels/attention.hpp"

using namespace hsap;

namespace {

using Kernels = std::tuple<kernels::BackwardHopper<64>, kernels::BackwardHopper<128>,
                           kernels::BackwardPortable<64>, kernels::BackwardPortable<128>>;

template <typename Kernel>
void run(test::Backward& on, const std::vector<Slice>& slices) {
  const Status status = on.run<Kernel>(slices);
  INFO((status ? "" : status.error().text()));
  REQUIRE(status);
}

template <typename Kernel>
void check(test::Problem problem, std::uint64_t seed) {
  problem.head_dim = test::head_dim_of<Kernel>;
  test::Backward on(problem, seed);
  run<Kernel>(on, problem.slices);
  CHECK(on.mistakes() == "");
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("backward of documents that share tiles, and one of several tiles", "",
                        Kernels) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    check<TestType>(test::documents({1, 70, 210, 1, 1, 129}, 2, 1, 0), seed);
  }
}

TEMPLATE_LIST_TEST_CASE("backward of one slice of every kind", "", Kernels) {
  for (const SliceKind kind :
       {SliceKind::full, SliceKind::causal, SliceKind::inverse_causal, SliceKind::bi_causal}) {
    check<TestType>(test::one_slice({3, 190, 1}, {10, 277, 1}, kind), 4);
    check<TestType>(test::one_slice({1, 150, 1}, {7, 80, 1}, kind), 5);
  }
}

TEMPLATE_LIST_TEST_CASE("backward of many slices, for heads of incomplete groups", "", Kernels) {
  for (const int offset : {1, 3}) {
    const std::uint64_t seed = 6 + offset;
    test::Problem problem = test::random_slices(170, 210, seed);
    problem.heads = 5;
    problem.key_heads = 2;
    problem.heads_per_key_head = 4;
    problem.head_offset = offset;
    check<TestType>(problem, seed);
  }
}

TEMPLATE_LIST_TEST_CASE("backward with a key head that no query head sees", "", Kernels) {
  for (const std::uint64_t seed : {16, 17, 18}) {
    test::Problem problem = test::documents({130, 90}, 2, 2, 0);
    problem.key_heads = 3;
    check<TestType>(problem, seed);
  }
}

TEMPLATE_LIST_TEST_CASE("backward where nothing is seen", "", Kernels) {
  test::Problem problem;
  problem.queries = 200;
  problem.keys = 10;
  check<TestType>(problem, 9);
}

TEMPLATE_LIST_TEST_CASE("two backward calls add up", "", Kernels) {
  test::Problem problem = test::random_slices(260, 300, 11);
  problem.head_dim = test::head_dim_of<TestType>;
  test::Backward on(problem, 12);
  std::vector<Slice> parts[2];
  for (std::size_t i = 0; i < problem.slices.size(); ++i) {
    parts[i % 2].push_back(problem.slices[i]);
  }
  run<TestType>(on, parts[0]);
  run<TestType>(on, parts[1]);
  CHECK(on.mistakes() == "");
}

TEMPLATE_LIST_TEST_CASE("queries whose log-sum-exp is -inf have no gradients", "", Kernels) {
  test::Problem problem = test::documents({150}, 1, 1, test::head_dim_of<TestType>);
  test::Backward on(problem, 14);
  for (int row = 60; row < 99; ++row) {
    on.lse.at(row, 0, 0) = -std::numeric_limits<double>::infinity();
  }
  run<TestType>(on, problem.slices);
  CHECK(on.mistakes() == "");
}

// Weights of score 0, which is what rows beyond a tile have, are infinite in float.
TEMPLATE_LIST_TEST_CASE("backward of very low scores", "", Kernels) {
  test::Problem problem = test::one_slice({0, 150, 1}, {0, 150, 1}, SliceKind::full);
  problem.keys = 150;  // without rows that see nothing, no step is masked for them
  problem.head_dim = test::head_dim_of<TestType>;
  test::Backward on(problem, 15, -130);
  run<TestType>(on, problem.slices);
  CHECK(on.mistakes(2e-2) == "");
}
