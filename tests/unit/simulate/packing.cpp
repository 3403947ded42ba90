#include "simulate/traffic/packing.hpp"

#include <catch2/catch.hpp>

#include "schedule/builder.hpp"

using namespace hsap;

namespace {

/// A buffer of 2 heads over tokens 0-9, 20-29 and the even ones of 40-59.
struct Fixture {
  ScheduleBuilder build{Pass::forward, 64, {.query = 2, .key_value = 2, .dim = 4}};
  Index buffer = 0;

  Fixture() {
    build.begin_rank(build.intervals({}));
    buffer = build.buffer(Role::k, Usage::input, Dtype::bf16, {0, 2},
                          build.intervals({{0, 10, 1}, {20, 30, 1}, {40, 59, 2}}));
  }
  bool block(std::initializer_list<Interval> rows, HeadRange heads = {0, 2}) {
    Transfer transfer;
    transfer.buffer = buffer;
    transfer.intervals = build.intervals(rows);
    transfer.heads = heads;
    return contiguous(build.schedule(), transfer);
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "consecutive rows of all heads are one block") {
  REQUIRE(block({{2, 8, 1}}));
  REQUIRE(block({{5, 10, 1}, {20, 25, 1}}));
  REQUIRE(block({{28, 30, 1}, {40, 45, 2}}));
  REQUIRE(block({{0, 10, 1}, {20, 30, 1}, {40, 59, 2}}));
}

TEST_CASE_METHOD(Fixture, "gaps, another order and some of the heads are not") {
  REQUIRE_FALSE(block({{2, 4, 1}, {6, 8, 1}}));
  REQUIRE_FALSE(block({{20, 25, 1}, {5, 10, 1}}));
  REQUIRE_FALSE(block({{0, 9, 2}}));
  REQUIRE_FALSE(block({{2, 8, 1}}, {0, 1}));
}

TEST_CASE_METHOD(Fixture, "one row or none is a block") {
  REQUIRE(block({{25, 26, 1}}, {1, 2}));
  REQUIRE(block({{25, 25, 1}}, {1, 2}));
}
