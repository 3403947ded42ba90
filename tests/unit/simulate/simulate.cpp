// simulate() on a cluster from a file: routes and kernel times are those of the cluster.
#include "hsap/simulate.hpp"

#include "hsap/cost.hpp"
#include "support/programs.hpp"

using namespace hsap;
using namespace hsap::test;

namespace {

Cluster two_nodes() {
  Result<ClusterSpec> spec = load_cluster("dgx-h100");
  if (!spec) FAIL(spec.error().text());
  Result<Cluster> cluster = Cluster::build(*spec, 2);
  if (!cluster) FAIL(cluster.error().text());
  return std::move(*cluster);
}

/// Of 16 ranks, rank 0 computes and then sends `bytes` to rank `to`.
Schedule compute_and_send(Rank to, Token bytes) {
  Programs programs(1 << 20);
  for (Rank rank = 0; rank < 16; ++rank) {
    programs.rank();
    if (rank != 0 && rank != to) continue;
    const Index buffer = programs.buffer(bytes);
    const Index kernel = rank == 0 ? programs.build.compute({1e12, 0}) : ScheduleBuilder::none;
    programs.build.exchange(Stream::keys);
    if (rank == 0) programs.send(to, buffer);
    if (rank == to) programs.receive(0, buffer);
    programs.build.after(kernel);
  }
  return programs.build.finish();
}

}  // namespace

TEST_CASE("a kernel and a message take what the cluster says, inside a node and between nodes") {
  const Cluster cluster = two_nodes();
  const double bytes = 1 << 20;
  for (const Rank to : {1, 8, 9}) {
    const Schedule schedule = compute_and_send(to, 1 << 20);
    const Route route = cluster.route(0, to);
    const double kernel = kernel_seconds(schedule, schedule.operations[0], cluster.spec().device);
    const double message =
        route.latency_s + (bytes + route.ramp_bytes) / route.bandwidth_bytes_per_s;
    const Result<Simulation> result = simulate(schedule, cluster, ideal());
    REQUIRE(result.ok());
    REQUIRE(result->seconds == Approx(kernel + message).epsilon(1e-12).margin(0));
    REQUIRE(result->ranks[0].compute_s == Approx(kernel).epsilon(1e-12).margin(0));
    REQUIRE(result->ranks[0].bytes_sent_inter_node == (to < 8 ? 0 : 1 << 20));
  }
}

TEST_CASE("a runtime slows attention down and adds to dq in a pass of its own") {
  const Cluster cluster = two_nodes();
  const Device& device = cluster.spec().device;
  ScheduleBuilder build(Pass::backward, 256, {.query = 2, .key_value = 2, .dim = 128});
  const Range rows = build.intervals({{0, 256, 1}});
  build.begin_rank(rows);
  const auto buffer = [&](Role role, Dtype dtype) {
    return build.buffer(role, Usage::staging, dtype, {0, 2}, rows);
  };
  const Index q = buffer(Role::q, Dtype::bf16), k = buffer(Role::k, Dtype::bf16);
  const Index v = buffer(Role::v, Dtype::bf16), dout = buffer(Role::dout, Dtype::bf16);
  const Index lse = buffer(Role::lse, Dtype::fp32), delta = buffer(Role::delta, Dtype::fp32);
  const Index dq = buffer(Role::dq, Dtype::fp32), dk = buffer(Role::dk, Dtype::fp32);
  const Index dv = buffer(Role::dv, Dtype::fp32);
  const Range slices = build.slices({{{0, 256, 1}, {0, 256, 1}, SliceKind::full}});
  build.attend_backward({q, k, v, dout, lse, delta, dq, dk, dv}, {0, 2}, slices, {.query = true});
  const Schedule schedule = build.finish();
  const double alone = kernel_seconds(schedule, schedule.operations[0], device);
  Runtime runtime = ideal();
  runtime.kernel_slowdown = 0.1;
  REQUIRE(simulate(schedule, cluster, runtime)->seconds == Approx(1.1 * alone));
  // 256 rows x 2 heads x 128 numbers: bf16 read, fp32 read and written.
  runtime.separate_accumulation = true;
  const double pass =
      device.kernel_launch_s + 256 * 2 * 128 * 10.0 / device.memory_bandwidth_bytes_per_s;
  REQUIRE(simulate(schedule, cluster, runtime)->seconds == Approx(1.1 * alone + pass));
  runtime.sum_passes = 2;
  REQUIRE(simulate(schedule, cluster, runtime)->seconds ==
          Approx(1.1 * alone + 2 * pass - device.kernel_launch_s));
}

TEST_CASE("sums of gradients pass over memory as often as the runtime says") {
  const Cluster cluster = two_nodes();
  const Device& device = cluster.spec().device;
  ScheduleBuilder build(Pass::backward, 256, {.query = 2, .key_value = 2, .dim = 128});
  const Range rows = build.intervals({{0, 256, 1}});
  build.begin_rank(rows);
  const Index part = build.buffer(Role::dk, Usage::staging, Dtype::bf16, {0, 2}, rows);
  const Index sum = build.buffer(Role::dk, Usage::staging, Dtype::fp32, {0, 2}, rows);
  build.reduce(part, sum, {0, 2});
  Runtime runtime = ideal();
  runtime.sum_passes = 2;
  // 256 rows x 2 heads x 128 numbers: bf16 read, fp32 read and written.
  const double pass = 256 * 2 * 128 * 10.0 / device.memory_bandwidth_bytes_per_s;
  REQUIRE(simulate(build.finish(), cluster, runtime)->seconds ==
          Approx(device.kernel_launch_s + 2 * pass));
}

TEST_CASE("a merge of several kernels passes over memory as often") {
  const Cluster cluster = two_nodes();
  const Device& device = cluster.spec().device;
  ScheduleBuilder build(Pass::forward, 256, {.query = 2, .key_value = 2, .dim = 128});
  const Range rows = build.intervals({{0, 256, 1}});
  build.begin_rank(rows);
  const auto buffer = [&](Role role, Dtype dtype) {
    return build.buffer(role, Usage::staging, dtype, {0, 2}, rows);
  };
  const Index part = buffer(Role::o, Dtype::bf16), part_lse = buffer(Role::lse, Dtype::fp32);
  const Index sum = buffer(Role::o, Dtype::fp32), sum_lse = buffer(Role::lse, Dtype::fp32);
  build.merge(part, part_lse, sum, sum_lse, {0, 2});
  Runtime runtime = ideal();
  runtime.merge_passes = 3;
  // 256 rows x 2 heads: of o bf16 read, fp32 read and written, of lse fp32 read twice and written.
  const double pass = 256 * 2 * (128 * 10 + 12.0) / device.memory_bandwidth_bytes_per_s;
  REQUIRE(simulate(build.finish(), cluster, runtime)->seconds ==
          Approx(device.kernel_launch_s + 3 * pass));
}

TEST_CASE("an all-to-all of many peers asks no link for more than it can carry") {
  // 16 GPUs, every pair, sizes from 64 KiB up: more than 128 coupled flows, so shares may wait.
  Programs programs(1 << 24);
  for (Rank rank = 0; rank < 16; ++rank) {
    programs.rank();
    programs.build.exchange(Stream::keys);
    for (Rank step = 1; step < 16; ++step) {
      const Rank to = (rank + step) % 16;
      const Rank from = (rank + 16 - step) % 16;
      const auto size = [](Rank a, Rank b) { return (1 << 16) + 4096 * ((a * 7 + b * 5) % 16); };
      programs.send(to, programs.buffer(size(rank, to)));
      programs.receive(from, programs.buffer(size(from, rank)));
    }
  }
  const Schedule schedule = programs.build.finish();
  const Cluster cluster = two_nodes();
  const Result<Simulation> all = simulate(schedule, cluster, ideal());
  REQUIRE(all.ok());
  // No link carries more than its bandwidth allows in the time there is.
  for (std::size_t link = 0; link < cluster.links().size(); ++link) {
    const double most = cluster.links()[link].bandwidth_bytes_per_s * all->seconds;
    REQUIRE(all->link_busy_bytes[link] <= most * (1 + 1e-9));
  }
}
