#include "simulate/predict/basis.hpp"

#include <catch2/catch.hpp>

#include "schedule/builder.hpp"

namespace hsap {
namespace {

using How = Basis::Kind;

Cluster cluster_with(const ClusterSpec::Calibrated& known, int nodes = 2) {
  Result<ClusterSpec> spec = load_cluster("dgx-h100");
  REQUIRE(spec);
  spec->calibrated = known;
  Result<Cluster> cluster = Cluster::build(*spec, nodes);
  REQUIRE(cluster);
  return std::move(*cluster);
}

/// A kernel of 512 x 512 tokens with 4 heads of 128 on rank 0, and 1 MiB from it to rank `to`.
Schedule schedule_to(Rank to, Dtype dtype = Dtype::bf16) {
  ScheduleBuilder build(Pass::forward, 4096, {.query = 4, .key_value = 1, .dim = 128});
  const Range rows = build.intervals({{0, 4096, 1}});
  for (Rank rank = 0; rank < 16; ++rank) {
    build.begin_rank(build.intervals({}));
    const auto buffer = [&](Role role, HeadRange heads) {
      return build.buffer(role, Usage::staging, dtype, heads, rows);
    };
    const Index k = buffer(Role::k, {0, 1});
    if (rank == 0) {
      const Range slices = build.slices({{{0, 512, 1}, {0, 512, 1}, SliceKind::full}});
      const Index v = buffer(Role::v, {0, 1});
      build.attend(
          {buffer(Role::q, {0, 4}), k, v, buffer(Role::o, {0, 4}), buffer(Role::lse, {0, 4})},
          {0, 4}, slices);
    }
    if (rank != 0 && rank != to) continue;
    build.exchange(Stream::keys);
    if (rank == 0) build.send(to, k, rows, {0, 1});
    if (rank == to) build.receive(0, k, rows, {0, 1});
  }
  return build.finish();
}

ClusterSpec::Calibrated everything() {
  using Range = ClusterSpec::Calibrated::Range;
  return {Range{256, 4096},     Range{1, 32},         Range{128, 128},
          Range{1024, 1 << 30}, Range{1024, 1 << 30}, Range{2, 2}};
}

}  // namespace

TEST_CASE("Kernels of fp32 rest on no measurement") {
  const Schedule fp32 = schedule_to(8, Dtype::fp32);
  const std::vector<Basis> bases = basis_of(fp32, cluster_with(everything()), 1, 0);
  CHECK(bases[0].kind == How::uncalibrated);
  CHECK(bases[0].reason == "kernels of fp32 are taken to be as fast as those of bf16");
  CHECK(bases[1].kind == How::calibrated);  // messages are bytes
}

TEST_CASE("What lies inside the calibration is calibrated") {
  const std::vector<Basis> far = basis_of(schedule_to(8), cluster_with(everything()), 1, 0);
  REQUIRE(far.size() == 2);
  CHECK(far[0].number == "attention forward");
  CHECK(far[1].number == "messages between nodes");
  for (const Basis& basis : far) CHECK((basis.kind == How::calibrated && basis.outside.empty()));
  CHECK(basis_of(schedule_to(1), cluster_with(everything()), 1, 0)[1].number ==
        "messages inside a node");
}

TEST_CASE("What lies outside is extrapolated, and it is said what") {
  ClusterSpec::Calibrated known = everything();
  known.tokens = {1024, 4096};
  known.head_dim = {64, 64};
  known.nodes = {4, 8};
  const std::vector<Basis> list = basis_of(schedule_to(8), cluster_with(known), 1, 0);
  REQUIRE(list.size() == 2);
  for (const Basis& basis : list) CHECK(basis.kind == How::extrapolated);
  const auto tells = [](const Basis::Outside& outside, const std::string& what, double asked,
                        double known_low, double known_high) {
    CHECK(outside.what == what);
    CHECK((outside.low == asked && outside.high == asked));
    CHECK((outside.known_low == known_low && outside.known_high == known_high));
    CHECK_FALSE(outside.in_bytes);
  };
  REQUIRE(list[0].outside.size() == 2);
  tells(list[0].outside[0], "slices of tokens", 512, 1024, 4096);
  tells(list[0].outside[1], "head_dim", 128, 64, 64);
  REQUIRE(list[1].outside.size() == 1);
  tells(list[1].outside[0], "nodes", 2, 4, 8);
}

TEST_CASE("A cluster without a calibration says so") {
  for (const Basis& basis : basis_of(schedule_to(8), cluster_with({}), 1, 0)) {
    CHECK(basis.kind == How::uncalibrated);
  }
}

TEST_CASE("Of several schedules the weakest counts") {
  const Basis good{"x", How::calibrated};
  const Basis poor{"x", How::uncalibrated, "because"};
  const Basis other{"y", How::calibrated};
  const std::vector<std::vector<Basis>> lists{{good}, {other, poor}, {good}};
  const std::vector<Basis> all = joined(lists);
  REQUIRE(all.size() == 2);
  CHECK(all[0].reason == "because");
  CHECK(all[1].number == "y");
}

TEST_CASE("What lies outside is told once for all, from least to most") {
  const Basis few{"x", How::extrapolated, "", {{"heads", 4, 8, 16, 64}}};
  const Basis more{"x", How::extrapolated, "", {{"heads", 1, 6, 16, 64}, {"nodes", 4, 4, 2, 2}}};
  const std::vector<std::vector<Basis>> lists{{few}, {more}};
  const std::vector<Basis> all = joined(lists);
  REQUIRE(all.size() == 1);
  REQUIRE(all[0].outside.size() == 2);
  CHECK((all[0].outside[0].low == 1 && all[0].outside[0].high == 8));
  CHECK(all[0].outside[1].what == "nodes");
}

}  // namespace hsap
