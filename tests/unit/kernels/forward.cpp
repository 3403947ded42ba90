#include <catch2/catch.hpp>
#include <tuple>

#include "kernels/attention/forward_hopper.hpp"
#include "kernels/attention/forward_portable.hpp"
#include "unit/kernels/attention.hpp"

using namespace hsap;

namespace {

using Kernels = std::tuple<kernels::ForwardHopper<64>, kernels::ForwardHopper<128>,
                           kernels::ForwardPortable<64>, kernels::ForwardPortable<128>>;

template <typename Kernel, typename Output>
void run(test::Forward<Output>& on, const std::vector<Slice>& slices, bool accumulate = false) {
  const Status status = on.template run<Kernel>(slices, accumulate);
  INFO((status ? "" : status.error().text()));
  REQUIRE(status);
}

template <typename Kernel, typename Output = float>
void check(test::Problem problem, std::uint64_t seed) {
  problem.head_dim = test::head_dim_of<Kernel>;
  test::Forward<Output> on(problem, seed);
  run<Kernel>(on, problem.slices);
  CHECK(on.mistakes() == "");
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("forward of documents that share tiles, and one of several tiles", "",
                        Kernels) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    check<TestType>(test::documents({1, 70, 210, 1, 1, 129}, 2, 1, 0), seed);
  }
}

TEMPLATE_LIST_TEST_CASE("forward of one slice of every kind", "", Kernels) {
  for (const SliceKind kind :
       {SliceKind::full, SliceKind::causal, SliceKind::inverse_causal, SliceKind::bi_causal}) {
    check<TestType>(test::one_slice({3, 190, 1}, {10, 277, 1}, kind), 4);
    check<TestType>(test::one_slice({1, 150, 1}, {7, 80, 1}, kind), 5);
  }
}

TEMPLATE_LIST_TEST_CASE("forward of many slices, for heads of incomplete groups", "", Kernels) {
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

TEMPLATE_LIST_TEST_CASE("forward where nothing is seen", "", Kernels) {
  test::Problem problem;
  problem.queries = 200;
  problem.keys = 10;
  check<TestType>(problem, 9);
}

TEMPLATE_LIST_TEST_CASE("forward to bf16", "", Kernels) {
  check<TestType, gpu::Bfloat16>(test::random_slices(150, 190, 10), 10);
}

TEMPLATE_LIST_TEST_CASE("two forward calls that accumulate are like one", "", Kernels) {
  test::Problem problem = test::random_slices(260, 300, 11);
  problem.head_dim = test::head_dim_of<TestType>;
  std::vector<Slice> parts[2];
  for (std::size_t i = 0; i < problem.slices.size(); ++i) {
    parts[i % 2].push_back(problem.slices[i]);
  }
  const auto both = [&](auto on) {
    run<TestType>(on, parts[0]);
    run<TestType>(on, parts[1], true);
    CHECK(on.mistakes() == "");
  };
  both(test::Forward<float>(problem, 12));
  both(test::Forward<gpu::Bfloat16>(problem, 13));
}
