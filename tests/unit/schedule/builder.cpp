#include "schedule/builder.hpp"

#include <catch2/catch.hpp>

namespace hsap {
namespace {

/// Two ranks with four tokens each swap their keys: rank r holds tokens [4 r, 4 r + 4).
Schedule swap_keys() {
  ScheduleBuilder build(Pass::forward, 8, {.query = 2, .key_value = 1, .dim = 16});
  const Range rows[] = {build.intervals({{0, 4, 1}}), build.intervals({{4, 8, 1}})};
  for (Rank rank = 0; rank < 2; ++rank) {
    build.begin_rank(rows[rank]);
    const Index own = build.buffer(Role::k, Usage::input, Dtype::bf16, {0, 1}, rows[rank]);
    const Index other = build.buffer(Role::k, Usage::staging, Dtype::bf16, {0, 1}, rows[1 - rank]);
    const Index work = build.compute({.flop = 5, .bytes = 0});
    build.exchange(Stream::keys);
    build.send(1 - rank, own, rows[rank], {0, 1});
    build.receive(1 - rank, other, rows[1 - rank], {0, 1});
    build.after(work);
    build.after(ScheduleBuilder::none);
  }
  return build.finish();
}

TEST_CASE("what is appended is found again by range") {
  const Schedule schedule = swap_keys();
  REQUIRE(schedule.ranks() == 2);
  REQUIRE(schedule.program(1).size() == 2);
  const Operation& exchange = schedule.program(1)[1];
  CHECK(exchange.kind == Kind::exchange);
  CHECK(exchange.rank == 1);
  REQUIRE(schedule.transfers_of(exchange).size() == 2);
  const Transfer& receive = schedule.transfers_of(exchange)[1];
  CHECK(receive.direction == Direction::receive);
  CHECK(schedule.intervals_of(receive)[0] == Interval{0, 4, 1});
  // 4 tokens x 1 head x 16 numbers x 2 bytes.
  CHECK(schedule.bytes(receive) == 128);
  CHECK(schedule.work_of(schedule.program(1)[0]).flop == 5);
}

TEST_CASE("waiting for no operation adds no dependency") {
  const Schedule schedule = swap_keys();
  const Operation& exchange = schedule.program(1)[1];
  REQUIRE(schedule.dependencies_of(exchange).size() == 1);
  CHECK(schedule.dependencies_of(exchange)[0] == schedule.programs[1].first);
}

TEST_CASE("ranges are shared, not copied") {
  const Schedule schedule = swap_keys();
  CHECK(schedule.intervals.size() == 2);
  CHECK(schedule.home[1].first == 1);
}

TEST_CASE("operands keep the order that the kind names") {
  ScheduleBuilder build(Pass::backward, 4, {.query = 1, .key_value = 1, .dim = 8});
  const Range rows = build.intervals({{0, 4, 1}});
  const Range slices = build.slices({{{0, 4, 1}, {0, 4, 1}, SliceKind::causal}});
  build.begin_rank(rows);
  build.attend_backward(
      {.q = 0, .k = 1, .v = 2, .dout = 3, .lse = 4, .delta = 5, .dq = 6, .dk = 7, .dv = 8}, {0, 1},
      slices, {.query = true, .key = false});
  build.reduce_scatter(Stream::gradients, {.first = 0, .count = 4, .stride = 2}, {0, 1},
                       std::vector<ScheduleBuilder::Pair>{{7, 9}, {8, 10}});
  const Schedule schedule = build.finish();
  const Operation& attend = schedule.operations[0];
  const auto operands = schedule.operands_of(attend);
  CHECK(std::vector<Index>(operands.begin(), operands.end()) ==
        std::vector<Index>{0, 1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(attend.accumulate_query);
  CHECK_FALSE(attend.accumulate_key);
  REQUIRE(schedule.slices_of(attend).size() == 1);
  const auto pairs = schedule.operands_of(schedule.operations[1]);
  CHECK(std::vector<Index>(pairs.begin(), pairs.end()) == std::vector<Index>{7, 9, 8, 10});
  CHECK(schedule.group_of(schedule.operations[1]).stride == 2);
}

}  // namespace
}  // namespace hsap
