#include <catch2/catch.hpp>
#include <sstream>

#include "schedule/builder.hpp"
#include "support/golden.hpp"
#include "support/ring.hpp"

namespace hsap {
namespace {

std::string printed(const Schedule& schedule) {
  std::ostringstream text;
  print(text, schedule);
  return text.str();
}

TEST_CASE("a forward ring as a person would write it down") {
  test::check_golden(HSAP_GOLDEN "/ring-forward.txt",
                     printed(test::ring(test::packed(), test::contiguous(24, 2), Pass::forward)));
}

TEST_CASE("a backward ring over striped tokens as a person would write it down") {
  test::check_golden(HSAP_GOLDEN "/ring-backward.txt",
                     printed(test::ring(test::packed(), test::striped(24, 2), Pass::backward)));
}

TEST_CASE("every kind of operation has its own words") {
  ScheduleBuilder build(Pass::forward, 8, {.query = 2, .key_value = 2, .dim = 16});
  const Range rows = build.intervals({{0, 8, 1}});
  const Range part = build.intervals({{2, 4, 1}});
  build.begin_rank(rows);
  const Index k = build.buffer(Role::k, Usage::input, Dtype::bf16, {0, 2}, rows);
  const Index copy = build.buffer(Role::k, Usage::staging, Dtype::fp32, {0, 2}, rows);
  build.compute({.flop = 2e12, .bytes = 3e9});
  build.copy(k, copy, {0, 2}, part);
  build.all_gather(Stream::heads, {.first = 0, .count = 4, .stride = 2}, {0, 1},
                   std::vector<ScheduleBuilder::Pair>{{k, copy}});
  build.after(1);
  build.reduce(k, copy, {0, 1});
  build.exchange(Stream::keys);
  const Schedule schedule = build.finish();
  const auto line = [&](std::size_t i) { return line_of(schedule, schedule.operations[i]); };
  CHECK(line(0) == "r0 #0    [compute]   compute         2e+12 FLOP, 3.00 GB");
  CHECK(line(1) == "r0 #1    [compute]   copy            k(b0) -> k(b1) x heads 0:2 rows [2:4)");
  CHECK(line(2) ==
        "r0 #2    [heads]     all_gather      k(b0) -> k(b1) x heads 0:1 among 4 ranks from r0 by 2"
        "  after #1");
  CHECK(line(3) == "r0 #3    [compute]   reduce          k(b0) -> k(b1) x heads 0:1");
  CHECK(line(4) == "r0 #4    [keys]      exchange        nothing");
}

TEST_CASE("pairs and bytes that no integer counts are printed all the same") {
  constexpr Token most = max_tokens;
  ScheduleBuilder build(Pass::forward, most, {.query = 1 << 15, .key_value = 1, .dim = 1 << 16});
  const Range rows = build.intervals({{0, most, 1}});
  build.begin_rank(rows);
  const Index q = build.buffer(Role::q, Usage::input, Dtype::fp32, {0, 1 << 15}, rows);
  const Slice all{{0, most, 1}, {0, most, 1}, SliceKind::full};
  build.attend({q, q, q, q, q}, {0, 1}, build.slices(std::vector<Slice>(9, all)));
  build.exchange(Stream::keys);
  build.send(0, q, rows, {0, 1 << 15});
  const Schedule schedule = build.finish();
  // 9 x 2^60 pairs; 2^30 tokens x 2^15 heads x 2^16 numbers of 4 bytes.
  CHECK(line_of(schedule, schedule.operations[0]).find(" 10.4E pairs;") != std::string::npos);
  CHECK(line_of(schedule, schedule.operations[1]).ends_with(" -> r0 (9223372.04 TB)"));
  CHECK(printed(schedule).find("fp32 9223372.04 TB\n") != std::string::npos);
}

TEST_CASE("an operation whose ranges leave the schedule is printed all the same") {
  Schedule schedule = test::ring(test::packed(), test::contiguous(24, 2), Pass::forward);
  Operation& attend = schedule.operations[1];
  attend.payload = {1000000, 5};
  attend.operands.count = 1000000;
  attend.dependencies = {0xffffffffU, 0xffffffffU};
  CHECK(line_of(schedule, attend).starts_with("r0 #1 "));
  const Operation apart = schedule.operations[0];
  CHECK(line_of(schedule, apart).starts_with("r0 #? "));
}

}  // namespace
}  // namespace hsap
