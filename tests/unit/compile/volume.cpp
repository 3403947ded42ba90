#include <catch2/catch.hpp>

#include "support/random_problem.hpp"

namespace hsap {
namespace {

/// Bytes that a rank sends to others in exchanges of a stream.
std::int64_t sent(const Schedule& schedule, Rank rank, Stream stream) {
  std::int64_t bytes = 0;
  for (const Operation& op : schedule.program(rank)) {
    if (op.kind != Kind::exchange || op.stream != stream) continue;
    for (const Transfer& transfer : schedule.transfers_of(op)) {
      const bool leaves = transfer.direction == Direction::send && transfer.peer != rank;
      if (leaves) bytes += schedule.bytes(transfer);
    }
  }
  return bytes;
}

Schedule compiled(const Problem& problem, const Strategy& strategy, Pass pass) {
  Result<Schedule> schedule = compile(problem, strategy, pass);
  REQUIRE(schedule.ok());
  return std::move(schedule).value();
}

TEST_CASE("a ring moves every block through C - 1 hops, gradients through C") {
  // C shards of s tokens; a block of K and V is s x kv x d x 2 bytes each.
  const Problem problem{
      .batch = {{1024}}, .mask = {}, .heads = {.query = 8, .key_value = 2, .dim = 16}};
  Strategy strategy{.context_parallel = 8};
  strategy.gradient_dtype = Dtype::fp32;
  const std::int64_t block = 2 * 128 * 2 * 16 * 2;
  const Schedule forward = compiled(problem, strategy, Pass::forward);
  const Schedule backward = compiled(problem, strategy, Pass::backward);
  for (Rank rank = 0; rank < 8; ++rank) {
    CHECK(sent(forward, rank, Stream::keys) == 7 * block);
    CHECK(sent(forward, rank, Stream::gradients) == 0);
    CHECK(sent(backward, rank, Stream::keys) == 7 * block);
    CHECK(sent(backward, rank, Stream::gradients) == 8 * 2 * block);
  }
}

TEST_CASE("Ulysses moves 4 / P of the hidden activations per rank and link, as MHA") {
  // n tokens, h heads, P ranks: a rank holds n / P rows of q, k, v and o and keeps 1 / P of each,
  // so it sends 4 n h d 2 (P - 1) / P^2 bytes.
  const Problem problem{
      .batch = {{4096}}, .mask = {}, .heads = {.query = 16, .key_value = 16, .dim = 8}};
  const Strategy strategy{.ulysses = 8};
  const Schedule forward = compiled(problem, strategy, Pass::forward);
  const Schedule backward = compiled(problem, strategy, Pass::backward);
  const std::int64_t tensor = 4096 * 16 * 8 * 2;
  for (Rank rank = 0; rank < 8; ++rank) {
    CHECK(sent(forward, rank, Stream::heads) == 4 * tensor * 7 / 64);
    // do in; dq, dk and dv out: q, k, v, o and lse were kept by heads.
    CHECK(sent(backward, rank, Stream::heads) == 4 * tensor * 7 / 64);
  }
}

TEST_CASE("Ulysses with fewer key/value heads than ranks replicates them") {
  // 2 key/value heads on 8 ranks: q and o move 1 / P^2 (P - 1) of a tensor of 16 heads, and every
  // rank needs the keys and values of one head of all rows of the other ranks.
  const Problem problem{
      .batch = {{4096}}, .mask = {}, .heads = {.query = 16, .key_value = 2, .dim = 8}};
  const Schedule forward = compiled(problem, {.ulysses = 8}, Pass::forward);
  const std::int64_t row = 8 * 2;
  const std::int64_t rows = 4096 / 8;
  for (Rank rank = 0; rank < 8; ++rank) {
    CHECK(sent(forward, rank, Stream::heads) == rows * row * 7 * (2 * 2 + 2 * 1));
  }
}

TEST_CASE("one shard needs no context exchange, whatever it is called") {
  const Problem problem{.batch = {{100, 28}}, .mask = {}, .heads = {.query = 4, .key_value = 2}};
  for (const int ulysses : {1, 2, 4}) {
    const Schedule schedule = compiled(problem, {.ulysses = ulysses}, Pass::backward);
    for (Rank rank = 0; rank < schedule.ranks(); ++rank) {
      CHECK(sent(schedule, rank, Stream::keys) == 0);
      CHECK(sent(schedule, rank, Stream::gradients) == 0);
    }
  }
}

}  // namespace
}  // namespace hsap
