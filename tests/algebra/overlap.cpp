// Streams, host and overlap on one schedule, worked out by hand. A `compute` takes as many seconds
// as it has FLOP; links carry 100 B/s; messages have no latency unless a test says so.
#include "support/machines.hpp"
#include "support/programs.hpp"

using namespace hsap;
using namespace hsap::test;

namespace {

Approx exactly(double value) { return Approx(value).epsilon(1e-12).margin(0); }

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

Runtime with_interference(double forward, double backward) {
  Runtime runtime = ideal();
  runtime.interference_forward = forward;
  runtime.interference_backward = backward;
  return runtime;
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

TEST_CASE("interference costs its share of the overlapped time") {
  // Both run at 1 / (1 + g) while both run, so the shorter takes min * (1 + g), and the longer then
  // has max - min left: max + g * min in all.
  const double g = 0.25;
  const Runtime runtime = with_interference(g, 0);
  REQUIRE(run(compute_and_swap(5, 300), wire({}), runtime).seconds == exactly(5 + g * 3));
  REQUIRE(run(compute_and_swap(2, 300), wire({}), runtime).seconds == exactly(3 + g * 2));
}

TEST_CASE("interference is taken by pass") {
  const Runtime runtime = with_interference(0.25, 1);
  const Simulation result = run(compute_and_swap(5, 300, Pass::backward), wire({}), runtime);
  REQUIRE(result.seconds == exactly(5 + 1.0 * 3));
}

TEST_CASE("a rank that does not compute is slowed by a peer that does") {
  // Only rank 0 computes, 4 s. Its message of 300 bytes moves at half speed from then on: 6 s, and
  // its kernel at half speed until... both are slowed until the kernel has its 4 s of work at 8 s
  // or the message its 3 s at 6 s. From 6 s on the kernel runs alone: 6 + (4 - 3) = 7 s.
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
  const Simulation result = run(programs.build.finish(), wire({}), with_interference(1, 0));
  REQUIRE(result.ranks[1].finish_s == exactly(6));
  REQUIRE(result.ranks[0].finish_s == exactly(7));
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
