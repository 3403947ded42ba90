#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <vector>

#include "schedule/builder.hpp"
#include "simulate/engine/run.hpp"
#include "simulate/traffic/machine.hpp"

namespace hsap::test {

/// What is worked out by hand.
inline Approx exactly(double value) { return Approx(value).epsilon(1e-12).margin(0); }

/// Writes schedules whose rows are one byte pair wide, so that bytes are easy to state: one head
/// of dimension 1 in bf16, a row of k, v or q takes 2 bytes.
class Programs {
 public:
  explicit Programs(Token tokens, Pass pass = Pass::forward)
      : build(pass, tokens, {.query = 1, .key_value = 1, .dim = 1}) {}

  Rank rank() { return build.begin_rank(build.intervals({})); }
  Range rows(Token begin, Token end) { return build.intervals({{begin, end, 1}}); }
  /// A buffer of `bytes` / 2 rows from `begin` on.
  Index buffer(Token bytes, Token begin = 0, Usage usage = Usage::staging, Role role = Role::k) {
    return build.buffer(role, usage, Dtype::bf16, {0, 1}, rows(begin, begin + bytes / 2));
  }
  /// Sends or receives a whole buffer.
  void send(Rank peer, Index of) { build.send(peer, of, range_of(of), {0, 1}); }
  void receive(Rank peer, Index of) { build.receive(peer, of, range_of(of), {0, 1}); }
  /// A kernel that takes `seconds` on the test's device (see kernel_seconds_of).
  Index kernel(double seconds) { return build.compute({seconds, 0}); }

  ScheduleBuilder build;

 private:
  [[nodiscard]] Range range_of(Index buffer) const {
    return build.schedule().buffers[buffer].intervals;
  }
};

/// Kernel times of the tests: a `compute` takes as many seconds as it has FLOP, other kernels 1.
inline std::vector<KernelTime> test_kernels(const Schedule& schedule) {
  std::vector<KernelTime> kernels;
  for (const Operation& op : schedule.operations) {
    kernels.push_back({op.kind == Kind::compute ? schedule.work_of(op).flop : 1});
  }
  return kernels;
}

/// A runtime that costs nothing.
inline Runtime ideal() {
  Runtime runtime;
  runtime.concurrent_peers = 0;
  return runtime;
}

inline Simulation run(const Schedule& schedule, const Machine& machine,
                      const Runtime& runtime = ideal(), const SimulateOptions& options = {}) {
  Result<Simulation> result =
      run_schedule(schedule, machine, runtime, options, test_kernels(schedule));
  if (!result) FAIL(result.error().text());
  return std::move(*result);
}

}  // namespace hsap::test
