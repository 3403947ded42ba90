// Times of messages, worked out by hand. Bytes and rates are round numbers: links carry 100 B/s.
#include "support/machines.hpp"
#include "support/programs.hpp"

using namespace hsap;
using namespace hsap::test;

namespace {

/// Every pair (from, to, bytes) becomes one exchange of both ranks on the keys stream; each rank
/// sends all its messages in one exchange and receives in the same one.
struct Letter {
  Rank from = 0;
  Rank to = 0;
  Token bytes = 0;
};

Schedule one_exchange(Rank ranks, const std::vector<Letter>& letters) {
  Programs programs(1 << 20);
  for (Rank rank = 0; rank < ranks; ++rank) {
    programs.rank();
    std::vector<Index> buffers;
    for (const Letter& letter : letters) buffers.push_back(programs.buffer(letter.bytes));
    programs.build.exchange(Stream::keys);
    for (std::size_t i = 0; i < letters.size(); ++i) {
      if (letters[i].from == rank) programs.send(letters[i].to, buffers[i]);
      if (letters[i].to == rank) programs.receive(letters[i].from, buffers[i]);
    }
  }
  return programs.build.finish();
}

std::vector<Letter> ring(Rank ranks, Token bytes) {
  std::vector<Letter> letters;
  for (Rank rank = 0; rank < ranks; ++rank) letters.push_back({rank, (rank + 1) % ranks, bytes});
  return letters;
}

std::vector<Letter> all_to_all(Rank ranks, Token bytes) {
  std::vector<Letter> letters;
  for (Rank step = 1; step < ranks; ++step) {
    for (Rank rank = 0; rank < ranks; ++rank) {
      letters.push_back({rank, (rank + step) % ranks, bytes});
    }
  }
  return letters;
}

}  // namespace

TEST_CASE("one ring step on an idle link") {
  // t = latency + bytes / (bandwidth * bytes / (bytes + ramp)) = 0.5 + (200 + 50) / 100.
  const Machine machine = wire({.latency_s = 0.5, .ramp_bytes = 50});
  const Simulation result = run(one_exchange(4, ring(4, 200)), machine);
  REQUIRE(result.seconds == exactly(0.5 + 250.0 / 100));
  for (const RankTimes& rank : result.ranks) {
    REQUIRE(rank.bytes_sent == 200);
    REQUIRE(rank.bytes_sent_inter_node == 0);
    REQUIRE(rank.exposed_communication_s == exactly(3));
  }
}

TEST_CASE("keys and values between the same exchanges are one message") {
  // 120 + 80 bytes pay the ramp once: 0.5 + (200 + 50) / 100.
  const Machine machine = wire({.latency_s = 0.5, .ramp_bytes = 50});
  const Simulation result = run(one_exchange(2, {{0, 1, 120}, {0, 1, 80}}), machine);
  REQUIRE(result.seconds == exactly(3));
}

TEST_CASE("two transfers of different size share a NIC") {
  // GPUs 0 and 1 send 100 and 300 bytes to GPUs 2 and 3 of the other node, NIC 100 B/s.
  // 50 B/s each until t = 2, when the first ends; the other has 200 left at 100 B/s: t = 4.
  const Wires wires{.nodes = 2, .gpus_per_node = 2};
  const Simulation result = run(one_exchange(4, {{0, 2, 100}, {1, 3, 300}}), wire(wires));
  REQUIRE(result.ranks[0].finish_s == exactly(2));
  REQUIRE(result.ranks[2].finish_s == exactly(2));
  REQUIRE(result.ranks[3].finish_s == exactly(4));
  REQUIRE(result.ranks[1].bytes_sent_inter_node == 300);
  REQUIRE(result.link_busy_bytes[wires.nic_out(0)] == 400);
  REQUIRE(result.link_busy_bytes[wires.nic_in(1)] == 400);
}

TEST_CASE("three transfers of different size share a NIC") {
  // 100, 200 and 600 bytes. A third of 100 B/s each until 3 s (100 gone from each); a half each
  // until 3 + 100 / 50 = 5 s; the last has 600 - 100 - 100 = 400 left at 100 B/s: 9 s.
  const Wires wires{.nodes = 2, .gpus_per_node = 3};
  const Simulation result =
      run(one_exchange(6, {{0, 3, 100}, {1, 4, 200}, {2, 5, 600}}), wire(wires));
  REQUIRE(result.ranks[3].finish_s == exactly(3));
  REQUIRE(result.ranks[4].finish_s == exactly(5));
  REQUIRE(result.ranks[5].finish_s == exactly(9));
}

TEST_CASE("all-to-all on a switch takes what one link must carry") {
  // Every rank sends 3 messages of 200 bytes over its link of 100 B/s: 6 s, all links busy.
  const Wires wires{.gpus_per_node = 4};
  const Simulation result = run(one_exchange(4, all_to_all(4, 200)), wire(wires));
  REQUIRE(result.seconds == exactly(6));
  for (int gpu = 0; gpu < 4; ++gpu) {
    REQUIRE(result.link_busy_bytes[wires.out(gpu)] == 600);
    REQUIRE(result.link_busy_bytes[wires.in(gpu)] == 600);
  }
}

TEST_CASE("peers one after another pay each latency") {
  // One peer at a time: 3 rounds of 0.5 + 200 / 100.
  Runtime runtime = ideal();
  runtime.concurrent_peers = 1;
  const Simulation result =
      run(one_exchange(4, all_to_all(4, 200)), wire({.latency_s = 0.5}), runtime);
  REQUIRE(result.seconds == exactly(3 * 2.5));
}

TEST_CASE("a message takes channels by its size and the number of ranks") {
  // 16 channels of 2 MB/s. Of 4 ranks each message has 4 and twice as many for more than 16 MiB in
  // each; of 2 ranks it has 8. Links of 1 GB/s never limit.
  Machine machine =
      wire({.nodes = 2, .link_bytes_per_s = 1e9, .nic_bytes_per_s = 1e9, .spine_bytes_per_s = 2e9});
  machine.channel_bytes_per_s = 2e6;
  Runtime runtime = ideal();
  runtime.message_channels = 16;
  const auto seconds = [&](Rank ranks, Token bytes, const Runtime& with) {
    return run(one_exchange(ranks, ring(ranks, bytes)), machine, with).seconds;
  };
  constexpr Token part = 16 << 20;
  REQUIRE(seconds(4, 800, runtime) == exactly(800 / 8e6));
  REQUIRE(seconds(4, 4 * part, runtime) == exactly(4 * part / 8e6));
  REQUIRE(seconds(4, 4 * part + 2, runtime) == exactly((4 * part + 2) / 16e6));
  REQUIRE(seconds(4, 32 * part, runtime) == exactly(32.0 * part / 32e6));
  REQUIRE(seconds(2, 800, runtime) == exactly(800 / 16e6));
  REQUIRE(seconds(4, 800, ideal()) == exactly(800 / 1e9));
  // A communicator of two nodes cuts its messages into small parts and uses all channels.
  REQUIRE(seconds(8, 800, runtime) == exactly(800 / 1e9));
}

TEST_CASE("directions that take turns double a swap and leave a ring alone") {
  // Two ranks that send to each other: 2 x (0.5 + 200 / 100). In a ring of three or more nobody
  // answers the one that it hears from.
  Runtime runtime = ideal();
  runtime.duplex = false;
  const Machine machine = wire({.gpus_per_node = 4, .latency_s = 0.5});
  REQUIRE(run(one_exchange(2, ring(2, 200)), machine, runtime).seconds == exactly(2 * 2.5));
  REQUIRE(run(one_exchange(3, ring(3, 200)), machine, runtime).seconds == exactly(2.5));
  REQUIRE(run(one_exchange(4, ring(4, 200)), machine, runtime).seconds == exactly(2.5));
}

TEST_CASE("an oversubscribed spine is shared by all nodes") {
  // Four nodes send 400 bytes each to the next; NICs of 100 B/s, a spine of 200 B/s: 50 B/s each.
  const Wires wires{.nodes = 4, .gpus_per_node = 1, .spine_bytes_per_s = 200};
  REQUIRE(run(one_exchange(4, ring(4, 400)), wire(wires)).seconds == exactly(8));
}

TEST_CASE("a message to oneself is a copy in memory") {
  // 400 bytes are read and written at 1000 B/s.
  const Simulation result = run(one_exchange(1, {{0, 0, 400}}), wire({}));
  REQUIRE(result.seconds == exactly(0.8));
  REQUIRE(result.ranks[0].bytes_sent == 0);
}

TEST_CASE("replicas share the NICs of the nodes they both touch") {
  // Copies of 3 ranks on nodes of 2 GPUs: copy 0 holds GPUs 0, 1 | 2 and copy 1 holds 3 | 4, 5.
  // Rank 0 sends 200 bytes to rank 2, which sends 400 back. GPU 2 (400 bytes) and GPU 3 (200) leave
  // node 1 together: 50 B/s each until 4 s, then GPU 2 has 200 bytes left at 100 B/s.
  const Machine machine = wire({.nodes = 3, .gpus_per_node = 2});
  const Schedule schedule = one_exchange(3, {{0, 2, 200}, {2, 0, 400}});
  REQUIRE(run(schedule, machine, ideal(), {.replicas = 1}).seconds == exactly(4));
  const Simulation both = run(schedule, machine, ideal(), {.replicas = 2});
  REQUIRE(both.ranks[2].finish_s == exactly(6));
  REQUIRE(both.ranks.size() == 3);
}

TEST_CASE("replicas with their own links do not slow the first one") {
  // Copies of 4 ranks fill pairs of nodes: what crosses, two messages a NIC at 50 B/s, meets no
  // other copy.
  const Machine machine = wire({.nodes = 4, .gpus_per_node = 2});
  const Schedule across = one_exchange(4, {{0, 2, 400}, {1, 3, 400}, {2, 0, 400}, {3, 1, 400}});
  REQUIRE(run(across, machine, ideal(), {.replicas = 1}).seconds == exactly(8));
  REQUIRE(run(across, machine, ideal(), {.replicas = 2}).seconds == exactly(8));
}
