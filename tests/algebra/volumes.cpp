// How many bytes sequence parallelism moves, and the time that follows on an idle switch.
#include "support/machines.hpp"
#include "support/programs.hpp"

using namespace hsap;
using namespace hsap::test;

namespace {

/// Rank `rank` of `ranks` trades heads for tokens: of `role` it holds all heads of its tokens and
/// sends each peer that peer's heads, as Ulysses does before attention.
void trade_heads(ScheduleBuilder& build, Role role, int heads, Token tokens, Rank rank,
                 Rank ranks) {
  const Token part = tokens / ranks;
  const auto mine = [&](Rank r) { return build.intervals({{r * part, (r + 1) * part, 1}}); };
  const auto heads_of = [&](Rank r) {
    return HeadRange{static_cast<std::uint16_t>(r * heads / ranks),
                     static_cast<std::uint16_t>((r + 1) * heads / ranks)};
  };
  const HeadRange all{0, static_cast<std::uint16_t>(heads)};
  const Index from = build.buffer(role, Usage::input, Dtype::bf16, all, mine(rank));
  const Index to = build.buffer(role, Usage::staging, Dtype::bf16, heads_of(rank),
                                build.intervals({{0, tokens, 1}}));
  for (Rank peer = 0; peer < ranks; ++peer) build.send(peer, from, mine(rank), heads_of(peer));
  for (Rank peer = 0; peer < ranks; ++peer) build.receive(peer, to, mine(peer), heads_of(rank));
}

struct Shape {
  Rank ranks = 4;
  Token tokens = 64;
  int query_heads = 8;
  int key_heads = 8;
  int dim = 16;
};

/// The forward all-to-all of q, k, v and o as one exchange.
Schedule ulysses(const Shape& shape) {
  ScheduleBuilder build(
      Pass::forward, shape.tokens,
      {.query = shape.query_heads, .key_value = shape.key_heads, .dim = shape.dim});
  for (Rank rank = 0; rank < shape.ranks; ++rank) {
    build.begin_rank(build.intervals({}));
    build.exchange(Stream::heads);
    for (const Role role : {Role::q, Role::o}) {
      trade_heads(build, role, shape.query_heads, shape.tokens, rank, shape.ranks);
    }
    for (const Role role : {Role::k, Role::v}) {
      trade_heads(build, role, shape.key_heads, shape.tokens, rank, shape.ranks);
    }
  }
  return build.finish();
}

/// A reduce-scatter of `bytes` and an all-gather of the result, with a kernel in between if it
/// takes any time.
Schedule all_reduce(Rank ranks, Token bytes, double between_s = 0) {
  Programs programs(1 << 20);
  const Token part = bytes / ranks;
  for (Rank rank = 0; rank < ranks; ++rank) {
    programs.rank();
    const Index whole = programs.buffer(bytes);
    const Index own = programs.buffer(part, rank * part / 2);
    const ScheduleBuilder::Pair down{whole, own};
    const ScheduleBuilder::Pair up{own, whole};
    Index before = programs.build.reduce_scatter(Stream::keys, {0, ranks, 1}, {0, 1}, {&down, 1});
    if (between_s > 0) {
      const Index scattered = before;
      before = programs.kernel(between_s);
      programs.build.after(scattered);
    }
    programs.build.all_gather(Stream::keys, {0, ranks, 1}, {0, 1}, {&up, 1});
    programs.build.after(before);
  }
  return programs.build.finish();
}

}  // namespace

TEST_CASE("Ulysses moves 4 N h / P through each link") {
  // Four tensors of N tokens x h = heads * dim numbers of 2 bytes. A rank holds 1 / P of each and
  // keeps 1 / P of that: 4 N h / P * (P - 1) / P numbers leave it, about the paper's 4 N h / P.
  const Shape shape;
  const double numbers = 64.0 * 8 * 16;
  const double sent = 4 * numbers / 4 * 3 / 4 * 2;
  const Wires wires{.gpus_per_node = 4, .memory_bytes_per_s = 1e9};
  const Simulation result = run(ulysses(shape), wire(wires));
  for (Rank rank = 0; rank < 4; ++rank) {
    REQUIRE(static_cast<double>(result.ranks[rank].bytes_sent) == sent);
    REQUIRE(result.link_busy_bytes[wires.out(rank)] == sent);
    REQUIRE(result.link_busy_bytes[wires.in(rank)] == sent);
  }
  REQUIRE(result.seconds == exactly(sent / 100));
}

TEST_CASE("with fewer key heads Ulysses moves less by their share") {
  // 8 query heads, 4 key heads: q and o as before, k and v half of it: (2 + 2 * 4/8) / 4 = 3/4.
  const Simulation full = run(ulysses({}), wire({.memory_bytes_per_s = 1e9}));
  const Simulation grouped = run(ulysses({.key_heads = 4}), wire({.memory_bytes_per_s = 1e9}));
  REQUIRE(grouped.ranks[0].bytes_sent * 4 == full.ranks[0].bytes_sent * 3);
  REQUIRE(grouped.seconds == exactly(full.seconds * 3 / 4));
}

TEST_CASE("an all-gather is a ring that passes all parts but one's own") {
  // 4 ranks, shards of 100 bytes: each sends 3 * 100 bytes at 100 B/s. The ring begins after 0.7 of
  // the latency of 1 s, the first message waits that, the 2 further steps a hop of 0.3 s each.
  Programs programs(1 << 20);
  for (Rank rank = 0; rank < 4; ++rank) {
    programs.rank();
    const Index source = programs.buffer(100, rank * 50, Usage::input);
    const Index whole = programs.buffer(400);
    const ScheduleBuilder::Pair pair{source, whole};
    programs.build.all_gather(Stream::keys, {0, 4, 1}, {0, 1}, {&pair, 1});
  }
  const Simulation result = run(programs.build.finish(), wire({.latency_s = 1}));
  REQUIRE(result.seconds == exactly(0.7 + 1 + 2 * 0.3 + 3));
  for (const RankTimes& times : result.ranks) {
    REQUIRE(times.finish_s == result.seconds);
    REQUIRE(times.bytes_sent == 300);
  }
}

TEST_CASE("a reduce-scatter over nodes crosses at every rank") {
  // 2 nodes of 2 GPUs: two rings side by side. Of 3/4 * 400 = 300 bytes a rank sends half to its
  // neighbour and half to the other node, where 2 ranks share a NIC of 100 B/s: 150 / 50 = 3 s. The
  // share of 100 bytes that comes last is read with the own one and their sum written, 1000 B/s.
  Programs programs(1 << 20);
  for (Rank rank = 0; rank < 4; ++rank) {
    programs.rank();
    const Index whole = programs.buffer(400, 0, Usage::input);
    const Index part = programs.buffer(100, rank * 50, Usage::output);
    const ScheduleBuilder::Pair pair{whole, part};
    programs.build.reduce_scatter(Stream::gradients, {0, 4, 1}, {0, 1}, {&pair, 1});
  }
  const Simulation result = run(programs.build.finish(), wire({.nodes = 2, .gpus_per_node = 2}));
  REQUIRE(result.seconds == exactly(3 + 3 * 100.0 / 1000));
  for (const RankTimes& times : result.ranks) {
    REQUIRE(times.bytes_sent == 300);
    REQUIRE(times.bytes_sent_inter_node == 150);
  }
}

TEST_CASE("a reduce-scatter that is gathered again is one all-reduce around the ring") {
  // 4 ranks, 400 bytes: 2 * 3/4 * 400 = 600 bytes each in 6 s; 0.7 s to begin, 1 s for the first
  // message, 5 further steps; no share is left to be added at the end.
  const Simulation result = run(all_reduce(4, 400), wire({.latency_s = 1}));
  REQUIRE(result.seconds == exactly(0.7 + 1 + 5 * 0.3 + 6));
  for (const RankTimes& times : result.ranks) REQUIRE(times.bytes_sent == 600);
}

TEST_CASE("an all-gather that waits for more than the reduce-scatter runs after it") {
  // In between a kernel of 1 s changes the sum: 3 s and the last share, the kernel, 3 s.
  const Simulation result = run(all_reduce(4, 400, 1), wire({}));
  REQUIRE(result.seconds == exactly(3 + 0.3 + 1 + 3));
}

TEST_CASE("switches add up what their GPUs hold and spread the sum") {
  // 8 ranks, 800 bytes: all of them to be added and an eighth of the sum to be spread, 900 bytes at
  // 0.8 of 100 B/s; 0.7 of 1 s to begin, 3.5 up and 3.5 down.
  Machine machine = wire({.gpus_per_node = 8, .latency_s = 1});
  machine.in_switch = 0.8;
  REQUIRE(run(all_reduce(8, 800), machine).seconds == exactly(0.7 + 7 + 900 / 80.0));
  // Four ranks: 1.25 / 0.8 is no less than the ring's 1.5.
  machine = wire({.gpus_per_node = 4});
  machine.in_switch = 0.8;
  REQUIRE(run(all_reduce(4, 400), machine).seconds == exactly(6));
}

TEST_CASE("over nodes the sums of the switches go up and down a tree") {
  // 2 nodes of 8, 800 bytes: 900 bytes in the node, and of each share of 100 bytes half up and half
  // down each of two trees: 100 bytes a rank, 800 over the NIC of 100 B/s that 8 of them share.
  // Those 8 s are less than the 11.25 s in the node, of which the route to the NIC takes its part
  // too: each link carries 900 + 100 bytes, of which 900 at no more than 80 B/s.
  Machine machine = wire({.nodes = 2, .gpus_per_node = 8});
  machine.in_switch = 0.8;
  const Simulation result = run(all_reduce(16, 800), machine);
  REQUIRE(result.seconds == exactly(900 / 80.0));
  for (const RankTimes& times : result.ranks) {
    REQUIRE(times.bytes_sent == 1000);
    REQUIRE(times.bytes_sent_inter_node == 100);
  }
}

TEST_CASE("double buffering keeps two shards of keys alive") {
  // A ring that receives into a fresh buffer each step: beside the one in use only the next one
  // lives, so the peak is 2 shards (the first is an input and dies after its step).
  const Rank ranks = 6;
  Programs programs(1 << 20);
  for (Rank rank = 0; rank < ranks; ++rank) {
    programs.rank();
    Index have = programs.buffer(40, 0, Usage::input);
    Index arrived = ScheduleBuilder::none;
    Index used = ScheduleBuilder::none;
    for (Rank step = 0; step + 1 < ranks; ++step) {
      const Index ready = arrived;
      arrived = programs.build.exchange(Stream::keys);
      programs.build.after(ready);
      programs.build.after(used);
      const Index next = programs.buffer(40, 0, step + 2 < ranks ? Usage::staging : Usage::output);
      programs.send((rank + 1) % ranks, have);
      programs.receive((rank + ranks - 1) % ranks, next);
      used = programs.build.reduce(have, have, {0, 1});
      programs.build.after(ready);
      have = next;
    }
  }
  const Simulation result = run(programs.build.finish(), wire({.gpus_per_node = 6}));
  for (const RankTimes& times : result.ranks) REQUIRE(times.peak_buffer_bytes == 2 * 40);
}
