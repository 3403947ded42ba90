// Streams, host and overlap on one schedule, worked out by hand. A `compute` takes as many seconds
// as it has FLOP; links carry 100 B/s; messages have no latency unless a test says so.
#include <cmath>

#include "support/machines.hpp"
#include "support/programs.hpp"

using namespace hsap;
using namespace hsap::test;

namespace {

/// Two ranks that compute for `compute_s` while they swap `bytes`.
Schedule compute_and_swap(double compute_s, Token bytes, Pass pass = Pass::forward) {
  Programs programs(1 << 20, pass);
  for (const Rank peer : {1, 0}) {
    programs.rank();
    const Index out = programs.buffer(bytes);
    const Index in = programs.buffer(bytes);
    programs.build.exchange(Stream::keys);
    programs.send(peer, out);
    programs.receive(peer, in);
    programs.kernel(compute_s);
  }
  return programs.build.finish();
}

/// Communication takes one of five multiprocessors.
Runtime crowded() {
  Runtime runtime = ideal();
  runtime.communication_multiprocessors = 1;
  return runtime;
}

/// The same schedule with kernels that fill the device for `full_s` of their time.
Simulation run_full(const Schedule& schedule, double full_s, const Runtime& runtime) {
  std::vector<KernelTime> kernels = test_kernels(schedule);
  for (KernelTime& kernel : kernels) kernel.full_s = std::min(full_s, kernel.seconds);
  Result<Simulation> result = run_schedule(schedule, wire({}), runtime, {}, kernels);
  if (!result) FAIL(result.error().text());
  return std::move(*result);
}

}  // namespace

TEST_CASE("a chain of dependencies adds up") {
  // kernel 2 s, then 300 bytes at 100 B/s, then kernel 1.5 s: 2 + 3 + 1.5.
  Programs programs(1 << 20);
  for (const Rank peer : {1, 0}) {
    programs.rank();
    const Index out = programs.buffer(300);
    const Index in = programs.buffer(300);
    const Index first = programs.kernel(2);
    const Index swap = programs.build.exchange(Stream::keys);
    programs.send(peer, out);
    programs.receive(peer, in);
    programs.build.after(first);
    programs.kernel(1.5);
    programs.build.after(swap);
  }
  const Simulation result = run(programs.build.finish(), wire({}));
  REQUIRE(result.seconds == exactly(6.5));
  REQUIRE(result.ranks[0].compute_s == exactly(3.5));
  REQUIRE(result.ranks[0].communication_s == exactly(3));
  REQUIRE(result.ranks[0].exposed_communication_s == exactly(3));
}

TEST_CASE("perfect overlap takes the longer of the two") {
  const Simulation compute_bound = run(compute_and_swap(5, 300), wire({}));
  REQUIRE(compute_bound.seconds == exactly(5));
  REQUIRE(compute_bound.ranks[1].exposed_communication_s == 0);
  const Simulation network_bound = run(compute_and_swap(2, 300), wire({}));
  REQUIRE(network_bound.seconds == exactly(3));
  REQUIRE(network_bound.ranks[1].exposed_communication_s == exactly(1));
}

TEST_CASE("communication takes its multiprocessors from kernels while it runs") {
  // 3 s of message: the kernel does 3 * 4/5 of its 5 s meanwhile, the rest alone.
  REQUIRE(run(compute_and_swap(5, 300), wire({}), crowded()).seconds == exactly(5 + 3 / 5.0));
  REQUIRE(run(compute_and_swap(2, 300), wire({}), crowded()).seconds == exactly(3));
  REQUIRE(run(compute_and_swap(2, 300), wire({}), crowded()).ranks[0].compute_s == exactly(2.5));
}

TEST_CASE("an exchange that waits for its peer takes multiprocessors too") {
  // Rank 1 sends after 4 s. Rank 0 receives from the begin, so its 10 s kernel has 4/5 of the
  // device for 4 s of waiting and 3 s of message: 7 + (10 - 7 * 0.8).
  Programs programs(1 << 20);
  programs.rank();
  const Index in = programs.buffer(300);
  programs.build.exchange(Stream::keys);
  programs.receive(1, in);
  programs.kernel(10);
  programs.rank();
  const Index out = programs.buffer(300);
  const Index late = programs.kernel(4);
  programs.build.exchange(Stream::keys);
  programs.send(0, out);
  programs.build.after(late);
  const Simulation result = run(programs.build.finish(), wire({}), crowded());
  REQUIRE(result.ranks[1].finish_s == exactly(7));
  REQUIRE(result.ranks[0].finish_s == exactly(7 + 10 - 7 * 0.8));
}

TEST_CASE("communication that must find room waits for the last wave of a kernel") {
  Runtime runtime = ideal();
  runtime.entry = Runtime::Entry::between_kernels;
  // The kernel fills the device for 4 of its 5 s; then the message takes 3.
  REQUIRE(run_full(compute_and_swap(5, 300), 4, runtime).seconds == exactly(4 + 3));
  // A kernel that never fills it keeps nothing waiting.
  REQUIRE(run_full(compute_and_swap(5, 300), 0, runtime).seconds == exactly(5));
  // A kernel that fills it to its end: the message comes before whatever is issued next.
  REQUIRE(run_full(compute_and_swap(5, 300), 5, runtime).seconds == exactly(5 + 3));
}

TEST_CASE("messages beside a kernel that fills the device move at their share of the speed") {
  Runtime runtime = ideal();
  runtime.overlap_share = 0.5;
  // 2.5 s of the message during the 5 s kernel, 0.5 s alone.
  REQUIRE(run_full(compute_and_swap(5, 300), 5, runtime).seconds == exactly(5.5));
  REQUIRE(run_full(compute_and_swap(5, 300), 0, runtime).seconds == exactly(5));
  // With a decay of 5 s it is exp(-1) of that.
  runtime.overlap_decay_s = 5;
  REQUIRE(run_full(compute_and_swap(5, 300), 5, runtime).seconds ==
          exactly(5 + 3 - 5 * 0.5 * std::exp(-1.0)));
}

TEST_CASE("a rank that does not compute is slowed by a peer that does") {
  // Only rank 0 computes, 4 s; the message of 3 s moves at half speed beside it: 2 s by then.
  Programs programs(1 << 20);
  programs.rank();
  const Index out = programs.buffer(300);
  programs.build.exchange(Stream::keys);
  programs.send(1, out);
  programs.kernel(4);
  programs.rank();
  const Index in = programs.buffer(300);
  programs.build.exchange(Stream::keys);
  programs.receive(0, in);
  Runtime runtime = ideal();
  runtime.overlap_share = 0.5;
  const Simulation result = run_full(programs.build.finish(), 4, runtime);
  REQUIRE(result.ranks[1].finish_s == exactly(5));
  REQUIRE(result.ranks[0].finish_s == exactly(5));
}

TEST_CASE("waiting for another stream costs a moment, ordered streams wait for more") {
  // Kernel 2 s, an exchange of 3 s that does not need it, a kernel of 1 s that needs the exchange.
  Programs programs(1 << 20);
  for (const Rank peer : {1, 0}) {
    programs.rank();
    const Index out = programs.buffer(300);
    const Index in = programs.buffer(300);
    programs.kernel(2);
    const Index swap = programs.build.exchange(Stream::keys);
    programs.send(peer, out);
    programs.receive(peer, in);
    programs.kernel(1);
    programs.build.after(swap);
  }
  const Schedule schedule = programs.build.finish();
  Runtime runtime = ideal();
  runtime.stream_wait_s = 0.25;
  REQUIRE(run(schedule, wire({}), runtime).seconds == exactly(3 + 0.25 + 1));
  runtime.stream_ordered = true;
  REQUIRE(run(schedule, wire({}), runtime).seconds == exactly(2 + 0.25 + 3 + 0.25 + 1));
}

TEST_CASE("a host that issues slowly bounds the time") {
  // Ten kernels of 1 s, each issued in 3 s: the last is issued at 30 s and runs 1 s.
  Programs programs(16);
  programs.rank();
  for (int i = 0; i < 10; ++i) programs.kernel(1);
  Runtime runtime = ideal();
  runtime.host_launch_s = 3;
  const Simulation result = run(programs.build.finish(), wire({}), runtime);
  REQUIRE(result.seconds == exactly(31));
  REQUIRE(result.ranks[0].host_s == exactly(30));
  REQUIRE(result.ranks[0].compute_s == exactly(10));
}

TEST_CASE("the host pays for an exchange and each transfer in it") {
  // Rank 0 issues one exchange with two transfers: 2 + 2 * 0.5 = 3 s, then 300 bytes take 3 s.
  Runtime runtime = ideal();
  runtime.host_exchange_s = 2;
  runtime.host_transfer_s = 0.5;
  const Simulation result = run(compute_and_swap(0, 300), wire({}), runtime);
  REQUIRE(result.ranks[0].host_s == exactly(3));
  REQUIRE(result.seconds == exactly(6));
}

TEST_CASE("a ring waits for the slowest rank of every step") {
  // Causal contiguous ring, P ranks: in step s rank r attends to shard r - s if r >= s, which costs
  // 1 s (its own shard 0.5 s); KV moves during the kernel. The last rank has work in every step:
  // 0.5 + (P - 1) seconds; rank 0 only 0.5 s, although it passes keys on to the end.
  const Rank ranks = 4;
  Programs programs(1 << 20);
  for (Rank rank = 0; rank < ranks; ++rank) {
    programs.rank();
    Index have = programs.buffer(40);
    Index arrived = ScheduleBuilder::none;
    for (Rank step = 0; step < ranks; ++step) {
      const Index ready = arrived;
      if (step + 1 < ranks) {
        arrived = programs.build.exchange(Stream::keys);
        programs.build.after(ready);
        const Index next = programs.buffer(40);
        programs.send((rank + 1) % ranks, have);
        programs.receive((rank + ranks - 1) % ranks, next);
        have = next;
      }
      if (rank >= step) {
        programs.kernel(step == 0 ? 0.5 : 1);
        programs.build.after(ready);
      }
    }
  }
  const Simulation result = run(programs.build.finish(), wire({}));
  REQUIRE(result.seconds == exactly(0.5 + 3));
  REQUIRE(result.ranks[3].compute_s == exactly(3.5));
  REQUIRE(result.ranks[0].compute_s == exactly(0.5));
  for (const RankTimes& times : result.ranks) REQUIRE(times.bytes_sent == 3 * 40);
}
