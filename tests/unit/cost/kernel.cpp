#include <catch2/catch.hpp>

#include "hsap/cost.hpp"
#include "schedule/builder.hpp"

using namespace hsap;

namespace {

/// 1 TB/s of memory, 1 PFLOP/s of matrix products, 1 us a launch; attention free but for its
/// launch of 5 us.
Device device() {
  Device device;
  device.memory_bandwidth_bytes_per_s = 1e12;
  device.matmul_flop_per_s = 1e15;
  device.multiprocessors = 100;
  device.kernel_launch_s = 1e-6;
  device.forward = {128, 128, 1e30, 0, 5e-6};
  device.backward = {128, 128, 1e30, 0, 5e-6};
  return device;
}

/// 1,000 tokens, 4 query heads on 2 key/value heads of 8: a bf16 row of q takes 64 bytes, of k or v
/// 32, of lse or delta 16.
struct Small {
  ScheduleBuilder build{Pass::forward, 1000, {4, 2, 8}};
  Range all = build.intervals({{0, 1000, 1}});
  Range half = build.intervals({{0, 500, 1}});
  Small() { build.begin_rank(all); }

  Index buffer(Role role, const Range& rows, Dtype dtype = Dtype::bf16) {
    const bool keys = role == Role::k || role == Role::v || role == Role::dk || role == Role::dv;
    const bool number = role == Role::lse || role == Role::delta;
    return build.buffer(role, Usage::staging, number ? Dtype::fp32 : dtype,
                        {0, static_cast<std::uint16_t>(keys ? 2 : 4)}, rows);
  }
  [[nodiscard]] double bytes(Index op) const {
    return memory_bytes(build.schedule(), build.schedule().operations[op]);
  }
  [[nodiscard]] double seconds(Index op) const {
    return kernel_seconds(build.schedule(), build.schedule().operations[op], device());
  }
};

}  // namespace

TEST_CASE("A merge reads four operands and writes two, on the rows of the partial") {
  Small small;
  const Index merge = small.build.merge(
      small.buffer(Role::o, small.half), small.buffer(Role::lse, small.half),
      small.buffer(Role::o, small.all), small.buffer(Role::lse, small.all), {0, 4});
  CHECK(small.bytes(merge) == 500 * 3 * (64 + 16));
  CHECK(small.seconds(merge) == Approx(1e-6 + 500 * 3 * 80 / 1e12));
}

TEST_CASE("A reduction reads both and writes one; a cast source counts in its own dtype") {
  Small small;
  const Index reduce = small.build.reduce(small.buffer(Role::dk, small.half, Dtype::fp32),
                                          small.buffer(Role::dk, small.all), {0, 2});
  CHECK(small.bytes(reduce) == 500 * (64 + 2 * 32));
}

TEST_CASE("A copy moves the payload rows, or what both can hold") {
  Small small;
  const Index from = small.buffer(Role::k, small.all);
  const Index into = small.buffer(Role::k, small.half, Dtype::fp32);
  CHECK(small.bytes(small.build.copy(from, into, {0, 2}, small.half)) == 500 * (32 + 64));
  CHECK(small.bytes(small.build.copy(from, into, {0, 1}, small.half)) == 500 * (16 + 32));
}

TEST_CASE("Delta reads o and do and writes a number a row and head") {
  Small small;
  const Index delta =
      small.build.delta(small.buffer(Role::o, small.all), small.buffer(Role::dout, small.all),
                        small.buffer(Role::delta, small.all), {0, 4});
  CHECK(small.bytes(delta) == 1000 * (64 + 64 + 16));
}

TEST_CASE("Attention touches the rows of its slices and writes all of its result") {
  Small small;
  const Index q = small.buffer(Role::q, small.all);
  const Index k = small.buffer(Role::k, small.all);
  const Index v = small.buffer(Role::v, small.all);
  const Index o = small.buffer(Role::o, small.all);
  const Index lse = small.buffer(Role::lse, small.all);
  const Range slices = small.build.slices({{{0, 500, 1}, {0, 100, 1}, SliceKind::full}});
  const Index once = small.build.attend({q, k, v, o, lse}, {0, 4}, slices);
  CHECK(small.bytes(once) == 500 * 64 + 100 * (32 + 32) + 1000 * (64 + 16));
  // Accumulating reads and writes only what the slices reach.
  const Index again = small.build.attend({q, k, v, o, lse}, {0, 4}, slices, true);
  CHECK(small.bytes(again) == 500 * 64 + 100 * (32 + 32) + 2 * 500 * (64 + 16));
  // Two of four query heads read one key/value head.
  const Index part = small.build.attend({q, k, v, o, lse}, {0, 2}, slices, true);
  CHECK(small.bytes(part) == small.bytes(again) / 2);
  CHECK(small.seconds(again) == Approx(5e-6 + small.bytes(again) / 1e12));
}

TEST_CASE("Attention backward writes three gradients") {
  Small small;
  const auto of = [&](Role role) { return small.buffer(role, small.all); };
  const Range slices = small.build.slices({{{0, 500, 1}, {0, 100, 1}, SliceKind::full}});
  const ScheduleBuilder::AttendBackward operands{of(Role::q),    of(Role::k),   of(Role::v),
                                                 of(Role::dout), of(Role::lse), of(Role::delta),
                                                 of(Role::dq),   of(Role::dk),  of(Role::dv)};
  const double read = 500 * (64 + 64 + 16 + 16) + 100 * (32 + 32);
  const Index write = small.build.attend_backward(operands, {0, 4}, slices, {});
  CHECK(small.bytes(write) == read + 1000 * (64 + 32 + 32));
  const Index add =
      small.build.attend_backward(operands, {0, 4}, slices, {.query = true, .key = true});
  CHECK(small.bytes(add) == read + 2 * 500 * 64 + 2 * 100 * (32 + 32));
}

TEST_CASE("Compute takes its FLOP or its bytes, whichever is slower") {
  Small small;
  CHECK(small.seconds(small.build.compute({4e12, 1e9})) == Approx(1e-6 + 4e-3));
  CHECK(small.seconds(small.build.compute({4e12, 9e9})) == Approx(1e-6 + 9e-3));
}

TEST_CASE("Communication is no kernel") {
  Small small;
  const Index exchange = small.build.exchange(Stream::keys);
  CHECK(small.seconds(exchange) == 0);
  CHECK(small.bytes(exchange) == 0);
}
