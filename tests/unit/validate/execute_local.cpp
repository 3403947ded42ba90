#include "validate/gpu/execute_local.hpp"

#include <catch2/catch.hpp>

#include "schedule/builder.hpp"
#include "support/compiled.hpp"
#include "support/errors.hpp"
#include "validate/device/fake_device.hpp"

namespace hsap {
namespace {

TEST_CASE("the time of an operation is that of its own work") {
  const Problem problem{
      .batch = {{20, 30, 14}}, .mask = {}, .heads = {.query = 4, .key_value = 2, .dim = 8}};
  Strategy strategy;
  strategy.context_parallel = 4;
  strategy.exchange = Exchange::ring;
  const Schedule schedule = support::compiled(problem, strategy, Pass::forward);
  Tensors tensors = random_inputs(problem, 1);
  device::FakeDevice device(1);
  const bool graph = GENERATE(false, true);
  const auto run =
      executor::execute_local(schedule, tensors, device, {.serialise = true, .graph = graph});
  REQUIRE(run);
  int exchanges = 0;
  for (const OperationTime& time : run->times) {
    const Operation& op = schedule.operations[time.operation];
    double launches = 1;  // each of which the fake device counts as a second
    if (op.kind == Kind::exchange) {
      ++exchanges;
      const auto transfers = schedule.transfers_of(op);
      launches = static_cast<double>(std::count_if(
          transfers.begin(), transfers.end(),
          [](const Transfer& transfer) { return transfer.direction == Direction::receive; }));
    }
    CAPTURE(to_string(op.kind));
    CHECK(time.seconds == launches);
  }
  CHECK(exchanges > 4);
}

// q lies in a buffer of other rows than o: it begins earlier, later, or ends too early to be read
// in place.
TEST_CASE("operands hold the same tokens in the same rows, or are gathered") {
  const Heads heads{.query = 1, .key_value = 1, .dim = 8};
  const Problem problem{.batch = {{32}}, .mask = {}, .heads = heads};
  const HeadRange head{0, 1};
  Tensors truth = random_inputs(problem, 1);
  reference_attention(problem, truth);
  for (const Interval q_rows : {Interval{0, 32, 1}, Interval{8, 16, 1}, Interval{8, 32, 1}}) {
    for (const Interval o_rows : {Interval{0, 32, 1}, Interval{4, 28, 1}, Interval{8, 16, 1}}) {
      CAPTURE(q_rows.begin, q_rows.end, o_rows.begin, o_rows.end);
      ScheduleBuilder build(Pass::forward, 32, heads);
      const Range all = build.intervals({{0, 32, 1}});
      build.begin_rank(all);
      const auto buffer = [&](Role role, Usage usage, Dtype dtype, const Range& rows) {
        return build.buffer(role, usage, dtype, head, rows);
      };
      // Before q lies memory of another dtype, after it nothing.
      const Index lse = buffer(Role::lse, Usage::output, Dtype::fp32, build.intervals({o_rows}));
      const Index o = buffer(Role::o, Usage::output, Dtype::bf16, build.intervals({o_rows}));
      const Index k = buffer(Role::k, Usage::input, Dtype::bf16, all);
      const Index v = buffer(Role::v, Usage::input, Dtype::bf16, all);
      const Index q = buffer(Role::q, Usage::input, Dtype::bf16, build.intervals({q_rows}));
      const Interval seen{8, 16, 1};
      build.attend(
          {q, k, v, o, lse}, head,
          build.slices({{seen, {0, 8, 1}, SliceKind::full}, {seen, seen, SliceKind::causal}}));
      Tensors found = random_inputs(problem, 1);
      device::FakeDevice device(1);
      const auto run = executor::execute_local(build.finish(), found, device);
      if (!run) FAIL(run.error().text());
      for (Token token = seen.begin; token < seen.end; ++token) {
        const auto expected = truth[Role::o].row(token, 0);
        const auto values = found[Role::o].row(token, 0);
        for (std::size_t i = 0; i < 8; ++i) CHECK(values[i] == Approx(expected[i]).margin(2e-2));
      }
    }
  }
}

}  // namespace
}  // namespace hsap
