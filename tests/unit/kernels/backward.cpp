#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "kernels/attention/backward_hopper.hpp"
#include "kernels/primitive/emulation/grid.hpp"
#include "unit/kernels/problem.hpp"

using namespace hsap;

namespace {

std::vector<float> as_floats(const test::Answer& answer) {
  return {answer.values.begin(), answer.values.end()};
}

template <int HeadDim>
void check(test::Problem problem, std::uint64_t seed) {
  problem.head_dim = HeadDim;
  using Kernel = kernels::BackwardHopper<HeadDim>;
  test::Operand q(problem.queries, problem.heads, HeadDim);
  test::Operand k(problem.keys, problem.key_heads, HeadDim);
  test::Operand v(problem.keys, problem.key_heads, HeadDim);
  test::Operand dout(problem.queries, problem.heads, HeadDim);
  q.fill(seed);
  k.fill(seed + 1);
  v.fill(seed + 2);
  dout.fill(seed + 3);
  const test::ForwardAnswer forward = test::forward(problem, q, k, v);
  const test::Answer delta = test::delta(forward.o, dout);
  const std::vector<float> lse_rows = as_floats(forward.lse);
  const std::vector<float> delta_rows = as_floats(delta);
  const auto list = kernels::make_tiles(problem.slices, kernels::Side::key, problem.keys,
                                        problem.queries, {Kernel::keys, Kernel::queries});
  REQUIRE(list);
  // Gradients add to what is there.
  std::vector<float> dq(q.values.size(), 1);
  std::vector<float> dk(k.values.size(), 2);
  std::vector<float> dv(v.values.size(), 3);
  int next_work = 0;

  kernels::BackwardArguments on;
  on.work = problem.work(*list, &next_work);
  on.lse = {lse_rows.data(), problem.heads, 1};
  on.delta = {delta_rows.data(), problem.heads, 1};
  on.dq = {dq.data(), problem.heads * HeadDim, HeadDim};
  on.dk = {dk.data(), problem.key_heads * HeadDim, HeadDim};
  on.dv = {dv.data(), problem.key_heads * HeadDim, HeadDim};
  const kernels::BackwardMaps maps{q.map(Kernel::queries), k.map(Kernel::keys), v.map(Kernel::keys),
                                   dout.map(Kernel::queries)};
  gpu::emulation::Launch launch;
  launch.blocks = 2;
  launch.threads = Kernel::threads;
  launch.shared_bytes = Kernel::shared_bytes;
  launch.seed = seed;
  const Status run = gpu::emulation::run(launch, [&] { Kernel::run(on, maps); });
  INFO((run ? "" : run.error().text()));
  REQUIRE(run);
  test::BackwardAnswer expected = test::backward(problem, q, k, v, dout, forward.lse, delta);
  for (float& x : dq) x -= 1;
  for (float& x : dk) x -= 2;
  for (float& x : dv) x -= 3;
  CHECK(test::relative_error(dq, expected.dq.values) < 5e-3);
  CHECK(test::relative_error(dk, expected.dk.values) < 5e-3);
  CHECK(test::relative_error(dv, expected.dv.values) < 5e-3);
}

}  // namespace

TEST_CASE("backward of one short document") { check<128>(test::documents({40}, 1, 1, 128), 1); }
TEST_CASE("backward of documents that share tiles, and one of several tiles") {
  check<128>(test::documents({1, 70, 300, 1, 1, 129}, 2, 1, 128), 2);
  check<64>(test::documents({1, 70, 300, 1, 1, 129}, 4, 2, 64), 2);
}
