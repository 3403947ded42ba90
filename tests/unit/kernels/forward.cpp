#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "kernels/attention/forward_hopper.hpp"
#include "kernels/primitive/emulation/grid.hpp"
#include "kernels/tiles/tile_list.hpp"
#include "unit/kernels/problem.hpp"

using namespace hsap;

namespace {

template <int HeadDim>
void check(test::Problem problem, std::uint64_t seed) {
  problem.head_dim = HeadDim;
  using Kernel = kernels::ForwardHopper<HeadDim>;
  test::Operand q(problem.queries, problem.heads, HeadDim);
  test::Operand k(problem.keys, problem.key_heads, HeadDim);
  test::Operand v(problem.keys, problem.key_heads, HeadDim);
  q.fill(seed);
  k.fill(seed + 1);
  v.fill(seed + 2);
  const auto list = kernels::make_tiles(problem.slices, kernels::Side::query, problem.queries,
                                        problem.keys, {Kernel::rows, Kernel::keys});
  REQUIRE(list);
  const float poison = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> o(q.values.size(), poison);
  std::vector<float> lse(static_cast<std::size_t>(problem.queries * problem.heads), poison);
  int next_work = 0;

  kernels::ForwardArguments on;
  on.work = problem.work(*list, &next_work);
  on.o_fp32 = {o.data(), problem.heads * HeadDim, HeadDim};
  on.lse = {lse.data(), problem.heads, 1};
  const kernels::ForwardMaps maps{q.map(Kernel::rows), k.map(Kernel::keys), v.map(Kernel::keys)};

  gpu::emulation::Launch launch;
  launch.blocks = 2;
  launch.threads = Kernel::threads;
  launch.shared_bytes = Kernel::shared_bytes;
  launch.seed = seed;
  const Status run = gpu::emulation::run(launch, [&] { Kernel::run(on, maps); });
  INFO((run ? "" : run.error().text()));
  REQUIRE(run);
  const test::ForwardAnswer expected = test::forward(problem, q, k, v);
  CHECK(test::relative_error(o, expected.o.values) < 3e-3);
  CHECK(test::relative_error(lse, expected.lse.values) < 1e-5);
}

}  // namespace

TEST_CASE("one short document") { check<128>(test::documents({40}, 1, 1, 128), 1); }

TEST_CASE("documents that share tiles, and one of several tiles") {
  check<128>(test::documents({1, 70, 300, 1, 1, 129}, 2, 1, 128), 2);
}
