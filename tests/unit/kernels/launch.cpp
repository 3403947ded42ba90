#include <catch2/catch.hpp>
#include <cmath>

#include "kernels/attention/forward_hopper.hpp"
#include "kernels/launch/plan.hpp"
#include "kernels/primitive/emulation/grid.hpp"
#include "unit/kernels/problem.hpp"

using namespace hsap;

namespace {

kernels::AttentionShape shape_of(const test::Problem& problem) {
  kernels::AttentionShape shape;
  shape.query_rows = problem.queries;
  shape.key_rows = problem.keys;
  shape.heads = problem.heads;
  shape.key_heads = problem.key_heads;
  shape.heads_per_key_head = problem.heads / problem.key_heads;
  shape.head_dim = problem.head_dim;
  return shape;
}

gpu::TensorShape good_shape() {
  gpu::TensorShape shape;
  shape.columns = 128;
  shape.heads = 2;
  shape.rows = 100;
  shape.head_stride_bytes = 256;
  shape.row_stride_bytes = 512;
  shape.box_columns = 64;
  shape.box_rows = 128;
  return shape;
}

}  // namespace

TEST_CASE("a kernel reads its work from the bytes of a plan") {
  const test::Problem problem = test::documents({90, 1, 140}, 2, 1, 64);
  using Kernel = kernels::ForwardHopper<64>;
  test::Operand q(problem.queries, problem.heads, 64);
  test::Operand k(problem.keys, problem.key_heads, 64);
  test::Operand v(problem.keys, problem.key_heads, 64);
  q.fill(1);
  k.fill(2);
  v.fill(3);
  std::vector<float> o(q.numbers().size());
  std::vector<float> lse(static_cast<std::size_t>(problem.queries * problem.heads));
  const auto plan = kernels::make_plan(Pass::forward, shape_of(problem),
                                       {Kernel::rows, Kernel::keys}, problem.slices);
  REQUIRE(plan);
  CHECK(kernels::units(*plan) == 2 * plan->tiles);
  int next_work = 0;
  kernels::ForwardArguments on;
  on.work = kernels::work_of(*plan, plan->bytes.data(), &next_work,
                             static_cast<float>(1 / std::sqrt(64.0)));
  on.o_fp32 = {o.data(), problem.heads * 64, 64};
  on.lse = {lse.data(), problem.heads, 1};
  const kernels::ForwardMaps maps{q.map(Kernel::rows), k.map(Kernel::keys), v.map(Kernel::keys)};
  gpu::emulation::Launch launch;
  launch.blocks = 2;
  launch.threads = Kernel::threads;
  launch.shared_bytes = Kernel::shared_bytes;
  const Status run = gpu::emulation::run(launch, [&] { Kernel::run(on, maps); });
  INFO((run ? "" : run.error().text()));
  REQUIRE(run);
  const test::ForwardAnswer expected = test::forward(problem, q, k, v);
  CHECK(test::relative_error(o, expected.o.values) < 3e-3);
  CHECK(test::relative_error(lse, expected.lse.values) < 1e-5);
  CHECK(next_work == 0);
}

TEST_CASE("plans refuse heads and head_dims that no kernel takes") {
  const test::Problem problem = test::documents({10}, 8, 2, 128);
  const auto plan = [&](auto change) {
    kernels::AttentionShape shape = shape_of(problem);
    change(shape);
    return kernels::make_plan(Pass::backward, shape, {128, 64}, problem.slices).ok();
  };
  using Shape = kernels::AttentionShape;
  CHECK(plan([](Shape&) {}));
  CHECK(plan([](Shape& shape) { shape.heads = 5, shape.head_offset = 3; }));
  CHECK_FALSE(plan([](Shape& shape) { shape.heads = 6, shape.head_offset = 3; }));
  CHECK_FALSE(plan([](Shape& shape) { shape.heads = 0; }));
  CHECK_FALSE(plan([](Shape& shape) { shape.head_offset = 4, shape.heads = 1; }));
  CHECK_FALSE(plan([](Shape& shape) { shape.head_dim = 96; }));
  CHECK_FALSE(plan([](Shape& shape) { shape.key_rows = 9; }));
}

TEST_CASE("rows of lists of intervals are matched") {
  const Interval strided[] = {{1, 10, 3}, {20, 24, 1}};  // 1 4 7 | 20 21 22 23
  const Interval empty_first[] = {{5, 5, 1}, {30, 32, 1}, {0, 5, 1}};
  const std::span<const Interval> lists[] = {strided, empty_first};
  const auto segments = kernels::match_rows(lists);
  REQUIRE(segments);
  std::vector<std::pair<int, int>> rows;
  for (std::size_t i = 0; i < segments->size(); ++i) {
    const kernels::Segment& segment = (*segments)[i];
    const int end = i + 1 < segments->size() ? (*segments)[i + 1].first : 7;
    CHECK(segment.first == static_cast<int>(rows.size()));
    for (int row = segment.first; row < end; ++row) {
      const auto at = [&](int part) {
        return segment.parts[part].row + (row - segment.first) * segment.parts[part].step;
      };
      rows.emplace_back(at(0), at(1));
    }
  }
  CHECK(rows == std::vector<std::pair<int, int>>{
                    {1, 30}, {4, 31}, {7, 0}, {20, 1}, {21, 2}, {22, 3}, {23, 4}});
  CHECK(segments->size() == 3);
  const std::span<const Interval> unequal[] = {strided, std::span(empty_first).first(2)};
  CHECK_FALSE(kernels::match_rows(unequal));
  CHECK_FALSE(kernels::match_rows({}));
}

TEST_CASE("tensors that TMA does not take are refused") {
  const auto good = [](auto change) {
    gpu::TensorShape shape = good_shape();
    change(shape);
    return gpu::check(shape).ok();
  };
  using Shape = gpu::TensorShape;
  CHECK(good([](Shape&) {}));
  CHECK(good([](Shape& shape) { shape.heads = 1, shape.head_stride_bytes = 0; }));
  CHECK_FALSE(good([](Shape& shape) { shape.head_stride_bytes = 0; }));
  CHECK_FALSE(good([](Shape& shape) { shape.row_stride_bytes = 520; }));
  CHECK_FALSE(good([](Shape& shape) { shape.box_columns = 128; }));
  CHECK_FALSE(good([](Shape& shape) { shape.box_rows = 257; }));
  CHECK_FALSE(good([](Shape& shape) { shape.rows = 0; }));
  CHECK_FALSE(good([](Shape& shape) { shape.element_bytes = 1, shape.box_columns = 128; }));
  CHECK_FALSE(good([](Shape& shape) { shape.data = reinterpret_cast<void*>(8); }));
}
