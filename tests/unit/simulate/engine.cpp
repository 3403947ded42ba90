// Order, streams, results and failures of the engine.
#include <cstring>
#include <random>

#include "support/machines.hpp"
#include "support/programs.hpp"

using namespace hsap;
using namespace hsap::test;

namespace {

/// Every rank swaps `bytes` with its neighbour on `first` and then on `second`.
Schedule two_swaps(Stream first, Stream second) {
  Programs programs(1 << 20);
  for (const Rank peer : {1, 0}) {
    programs.rank();
    for (const Stream stream : {first, second}) {
      const Index out = programs.buffer(200);
      const Index in = programs.buffer(200);
      programs.build.exchange(stream);
      programs.send(peer, out);
      programs.receive(peer, in);
    }
  }
  return programs.build.finish();
}

/// A few hundred exchanges of random sizes between random ranks, beside random kernels.
Schedule random_schedule(Rank ranks, std::uint64_t seed) {
  Programs programs(1 << 20);
  for (Rank rank = 0; rank < ranks; ++rank) {
    programs.rank();
    std::mt19937_64 shared(seed);  // the same on every rank: both sides of a message agree
    std::mt19937_64 own(seed + 1 + static_cast<std::uint64_t>(rank));
    for (int round = 0; round < 8; ++round) {
      programs.kernel(static_cast<double>(own() % 100) / 10);
      const Index exchange = programs.build.exchange(round % 2 == 0 ? Stream::keys : Stream::heads);
      for (Rank a = 0; a < ranks; ++a) {
        for (Rank b = 0; b < ranks; ++b) {
          const Token bytes = static_cast<Token>(2 * (shared() % 200));
          if (bytes < 100 || (a != rank && b != rank)) continue;
          const Index buffer = programs.buffer(bytes);
          if (a == rank) programs.send(b, buffer);
          if (b == rank) programs.receive(a, buffer);
        }
      }
      programs.kernel(1);
      if (round % 3 == 0) programs.build.after(exchange);
    }
  }
  return programs.build.finish();
}

Result<Simulation> attempt(const Schedule& schedule, int replicas = 1) {
  return run_schedule(schedule, wire({}), ideal(), {.replicas = replicas}, test_kernels(schedule));
}

}  // namespace

TEST_CASE("a stream runs one operation after another, streams run side by side") {
  // 200 bytes at 100 B/s, twice; on two streams the link is shared and the time the same, but both
  // end together.
  const Simulation one =
      run(two_swaps(Stream::keys, Stream::keys), wire({}), ideal(), {.timeline = true});
  REQUIRE(one.seconds == Approx(4));
  REQUIRE(one.spans[0].end_s == Approx(2));
  const Simulation two =
      run(two_swaps(Stream::keys, Stream::heads), wire({}), ideal(), {.timeline = true});
  REQUIRE(two.seconds == Approx(4));
  REQUIRE(two.spans[0].end_s == Approx(4));
}

TEST_CASE("one communication stream queues what several would share") {
  Runtime runtime = ideal();
  runtime.one_communication_stream = true;
  const Simulation result =
      run(two_swaps(Stream::keys, Stream::heads), wire({}), runtime, {.timeline = true});
  REQUIRE(result.seconds == Approx(4));
  REQUIRE(result.spans[0].end_s == Approx(2));
}

TEST_CASE("a message waits for the later of its two exchanges") {
  // Rank 1 computes for 5 s before its receive: rank 0 waits in its send, exposed, until 7 s.
  Programs programs(1 << 20);
  programs.rank();
  const Index out = programs.buffer(200);
  programs.build.exchange(Stream::keys);
  programs.send(1, out);
  programs.rank();
  const Index in = programs.buffer(200);
  const Index kernel = programs.kernel(5);
  programs.build.exchange(Stream::keys);
  programs.receive(0, in);
  programs.build.after(kernel);
  const Simulation result = run(programs.build.finish(), wire({}));
  REQUIRE(result.ranks[0].finish_s == Approx(7));
  REQUIRE(result.ranks[0].communication_s == Approx(7));
  REQUIRE(result.ranks[1].communication_s == Approx(2));
}

TEST_CASE("a call takes no less than its host time") {
  // Two kernels of 1 s, issued at 0.5 and 1 s, end at 2.5 s; the host is busy for 1 s and the
  // call's own.
  Programs programs(1 << 20);
  programs.rank();
  programs.kernel(1);
  programs.kernel(1);
  const Schedule schedule = programs.build.finish();
  Runtime runtime = ideal();
  runtime.host_launch_s = 0.5;
  runtime.host_call_s = 1;
  REQUIRE(run(schedule, wire({}), runtime).seconds == Approx(2.5));
  runtime.host_call_s = 4;
  const Simulation result = run(schedule, wire({}), runtime);
  REQUIRE(result.seconds == Approx(5));
  REQUIRE(result.ranks[0].host_s == Approx(5));
  REQUIRE(result.ranks[0].compute_s == Approx(2));
}

TEST_CASE("an exchange without transfers and a collective of one rank take their time only") {
  Programs programs(1 << 20);
  programs.rank();
  programs.build.exchange(Stream::keys);
  const Index source = programs.buffer(400, 0, Usage::input);
  const Index copy = programs.buffer(400, 0, Usage::output);
  const ScheduleBuilder::Pair pair{source, copy};
  programs.build.all_gather(Stream::keys, {0, 1, 1}, {0, 1}, {&pair, 1});
  // 400 bytes read and written at 1000 B/s.
  REQUIRE(run(programs.build.finish(), wire({})).seconds == Approx(0.8));
}

TEST_CASE("runtimes that pack pay for rows that are not one block") {
  // Rank 0 sends rows 0-49 and 100-149 of a buffer of 200 rows: 200 bytes, read and written at
  // 1000 B/s before the 2 s on the wire. Rank 1 receives them into one block: nothing to unpack.
  Programs programs(1 << 20);
  programs.rank();
  const Index from = programs.buffer(400, 0, Usage::input);
  const Range rows = programs.build.intervals({{0, 50, 1}, {100, 150, 1}});
  programs.build.exchange(Stream::keys);
  programs.build.send(1, from, rows, {0, 1});
  programs.rank();
  const Index to = programs.build.buffer(Role::k, Usage::staging, Dtype::bf16, {0, 1}, rows);
  programs.build.exchange(Stream::keys);
  programs.build.receive(0, to, rows, {0, 1});
  const Schedule schedule = programs.build.finish();
  Runtime runtime = ideal();
  REQUIRE(run(schedule, wire({}), runtime).seconds == Approx(2));
  runtime.packs_transfers = true;
  REQUIRE(run(schedule, wire({}), runtime).seconds == Approx(0.4 + 2));
}

TEST_CASE("outputs stay, inputs die after their last use, untouched buffers take nothing") {
  // Input a (100 bytes) is read in the first second, input b (40) in the second; output o (60) is
  // written in the second. Peak: a + b at first, since an input is there from the start.
  Programs programs(1 << 20);
  programs.rank();
  const Index a = programs.buffer(100, 0, Usage::input);
  const Index b = programs.buffer(40, 0, Usage::input);
  const Index o = programs.buffer(60, 0, Usage::output);
  programs.buffer(1000, 0, Usage::staging);
  programs.build.reduce(a, a, {0, 1});
  programs.build.reduce(b, o, {0, 1});
  REQUIRE(run(programs.build.finish(), wire({})).ranks[0].peak_buffer_bytes == 140);
}

TEST_CASE("timelines list every operation and return each link to rest") {
  const Schedule schedule = random_schedule(4, 7);
  const Simulation result = run(schedule, wire({}), ideal(), {.timeline = true});
  REQUIRE(result.spans.size() == schedule.operations.size());
  std::vector<double> rate(wire({}).links.size(), 0.0);
  double last = 0;
  for (const LinkUse& use : result.link_use) {
    REQUIRE(use.at_s >= last);
    last = use.at_s;
    rate[use.link] = use.bytes_per_s;
  }
  for (const double left : rate) REQUIRE(left == 0);
  for (std::size_t i = 1; i < result.spans.size(); ++i) {
    REQUIRE(result.spans[i - 1].begin_s <= result.spans[i].begin_s);
  }
}

TEST_CASE("two runs give identical spans under every runtime") {
  const Schedule schedule = random_schedule(8, 11);
  const Machine machine = wire({.nodes = 2, .gpus_per_node = 4, .latency_s = 0.01});
  for (const bool duplex : {true, false}) {
    for (const int peers : {0, 1, 2}) {
      Runtime runtime = ideal();
      runtime.duplex = duplex;
      runtime.concurrent_peers = peers;
      runtime.communication_multiprocessors = 1;
      runtime.overlap_share = 0.7;
      runtime.packs_transfers = true;
      const Simulation a = run(schedule, machine, runtime, {.timeline = true});
      const Simulation b = run(schedule, machine, runtime, {.timeline = true});
      REQUIRE(a.spans.size() == b.spans.size());
      for (std::size_t i = 0; i < a.spans.size(); ++i) {
        REQUIRE(a.spans[i].operation == b.spans[i].operation);
        REQUIRE(a.spans[i].begin_s == b.spans[i].begin_s);
        REQUIRE(a.spans[i].end_s == b.spans[i].end_s);
      }
      REQUIRE(a.events == b.events);
    }
  }
}

TEST_CASE("limits on peers and directions never lose a message") {
  // Random exchanges complete under any limit, and a limit does not change what is sent.
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Schedule schedule = random_schedule(6, seed);
    const Machine machine = wire({.gpus_per_node = 6});
    const Simulation free = run(schedule, machine);
    for (const int peers : {1, 2}) {
      Runtime runtime = ideal();
      runtime.concurrent_peers = peers;
      runtime.duplex = seed % 2 == 0;
      const Simulation limited = run(schedule, machine, runtime);
      for (std::size_t rank = 0; rank < 6; ++rank) {
        REQUIRE(limited.ranks[rank].bytes_sent == free.ranks[rank].bytes_sent);
      }
    }
  }
}

TEST_CASE("ranks that do not fit the cluster are refused") {
  const Schedule schedule = two_swaps(Stream::keys, Stream::keys);
  REQUIRE(attempt(schedule, 2).ok());
  const Result<Simulation> result = attempt(schedule, 3);
  REQUIRE_FALSE(result.ok());
  REQUIRE(result.error().kind == ErrorKind::bad_input);
  REQUIRE(result.error().found == "6 GPUs needed");
  REQUIRE_FALSE(attempt(schedule, 0).ok());
}

TEST_CASE("a deadlock names the first stuck operation and what it waits for") {
  // Both ranks receive before they send, in exchanges of one stream.
  Programs programs(1 << 20);
  for (const Rank peer : {1, 0}) {
    programs.rank();
    const Index buffer = programs.buffer(200);
    programs.build.exchange(Stream::keys);
    programs.receive(peer, buffer);
    programs.build.exchange(Stream::keys);
    programs.send(peer, buffer);
  }
  const Result<Simulation> result = attempt(programs.build.finish());
  REQUIRE_FALSE(result.ok());
  REQUIRE(result.error().kind == ErrorKind::internal);
  REQUIRE(result.error().message ==
          "the schedule deadlocks after 0 of 4 operations: operation 0 (exchange of rank 0 on "
          "stream keys) waits for operation 3 of rank 1 to send");
}

TEST_CASE("a transfer without its counterpart is named") {
  Programs programs(1 << 20);
  programs.rank();
  const Index buffer = programs.buffer(200);
  programs.build.exchange(Stream::keys);
  programs.send(1, buffer);
  programs.rank();
  const Result<Simulation> sends = attempt(programs.build.finish());
  REQUIRE_FALSE(sends.ok());
  REQUIRE(sends.error().message ==
          "operation 0 of rank 0: its transfer with rank 1 on stream keys has no matching receive");
}

TEST_CASE("a collective that a rank leaves out is named") {
  Programs programs(1 << 20);
  programs.rank();
  const Index source = programs.buffer(100, 0, Usage::input);
  const Index whole = programs.buffer(200);
  const ScheduleBuilder::Pair pair{source, whole};
  programs.build.all_gather(Stream::keys, {0, 2, 1}, {0, 1}, {&pair, 1});
  programs.rank();
  const Result<Simulation> result = attempt(programs.build.finish());
  REQUIRE_FALSE(result.ok());
  REQUIRE(result.error().message ==
          "operation 0 of rank 0: not every rank of its group takes part in this all_gather");
}
