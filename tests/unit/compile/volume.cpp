#include <catch2/catch.hpp>

#include "support/compiled.hpp"

namespace hsap {
namespace {

using support::compiled;
using support::sent;

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

TEST_CASE("an all-gather moves C - 1 blocks, its gradients the same number in their dtype") {
  const Problem problem{
      .batch = {{1024}}, .mask = {}, .heads = {.query = 8, .key_value = 4, .dim = 16}};
  const std::int64_t block = 2 * 128 * 4 * 16 * 2;
  for (const int stages : {0, 1, 2, 4}) {
    Strategy strategy{.context_parallel = 8, .exchange = Exchange::all_gather, .stages = stages};
    const Schedule forward = compiled(problem, strategy, Pass::forward);
    const Schedule backward = compiled(problem, strategy, Pass::backward);
    CHECK(sent(forward, 3, Stream::keys) == 7 * block);
    CHECK(sent(backward, 3, Stream::keys) == 7 * block);
    CHECK(sent(backward, 3, Stream::gradients) == 7 * 2 * block);
  }
}

TEST_CASE("p2p sends what the mask needs: half of all pairs for a contiguous causal document") {
  // Shard c needs the keys of all shards before it: C (C - 1) / 2 blocks together, and the
  // gradients of as many come back.
  const Problem problem{
      .batch = {{1024}}, .mask = {}, .heads = {.query = 8, .key_value = 2, .dim = 16}};
  const Strategy strategy{
      .context_parallel = 8, .layout = Layout::contiguous, .exchange = Exchange::p2p};
  const std::int64_t block = 2 * 128 * 2 * 16 * 2;
  const Schedule forward = compiled(problem, strategy, Pass::forward);
  const Schedule backward = compiled(problem, strategy, Pass::backward);
  std::int64_t keys = 0;
  std::int64_t gradients = 0;
  for (Rank rank = 0; rank < 8; ++rank) {
    CHECK(sent(forward, rank, Stream::keys) == (7 - rank) * block);
    keys += sent(backward, rank, Stream::keys);
    gradients += sent(backward, rank, Stream::gradients);
  }
  CHECK(keys == 28 * block);
  CHECK(gradients == 28 * 2 * block);
}

TEST_CASE("p2p under a sliding window sends only the window") {
  // 128 tokens a shard, window 17: the first 16 rows of a shard see 16 keys of the one before.
  const Problem problem{.batch = {{1024}},
                        .mask = {.kind = Mask::Kind::sliding, .window = 17},
                        .heads = {.query = 2, .key_value = 1, .dim = 8}};
  const Strategy strategy{
      .context_parallel = 8, .layout = Layout::contiguous, .exchange = Exchange::p2p};
  const Schedule schedule = compiled(problem, strategy, Pass::forward);
  for (Rank rank = 0; rank < 7; ++rank) {
    CHECK(sent(schedule, rank, Stream::keys) == 2 * 16 * 8 * 2);
  }
  CHECK(sent(schedule, 7, Stream::keys) == 0);
}

TEST_CASE("a double ring sends what a ring does, and 1/inner of it between nodes") {
  // 8 shards of 32 tokens, nodes of 4: every block (k and v, 8 numbers of bf16) makes 7 hops.
  const Problem problem{
      .batch = {{256}}, .mask = {}, .heads = {.query = 1, .key_value = 1, .dim = 8}};
  Strategy strategy{.context_parallel = 8, .exchange = Exchange::double_ring, .inner_degree = 4};
  const std::int64_t block = 32 * 2 * 8 * 2;
  const Schedule forward = compiled(problem, strategy, Pass::forward);
  CHECK(support::sent_by_all(forward) == 8 * 7 * block);
  CHECK(support::sent_between_nodes(forward, 4) == 8 * 1 * block);
  // Gradients in fp32 make 8 hops, of which one for each node crosses.
  const Schedule backward = compiled(problem, strategy, Pass::backward);
  CHECK(support::sent_by_all(backward) == 8 * 7 * block + 8 * 8 * 2 * block);
  CHECK(support::sent_between_nodes(backward, 4) == 8 * block + 8 * 2 * 2 * block);
}

TEST_CASE("64 documents of 4K on 32 ranks need no communication with p2p, a ring moves all") {
  Problem problem;
  problem.batch.lengths.assign(64, 4096);
  problem.heads = {.query = 32, .key_value = 8, .dim = 128};
  Strategy strategy{.context_parallel = 32, .layout = Layout::balanced, .exchange = Exchange::p2p};
  CHECK(support::sent_by_all(compiled(problem, strategy, Pass::forward)) == 0);
  CHECK(support::sent_by_all(compiled(problem, strategy, Pass::backward)) == 0);
  strategy.exchange = Exchange::ring;
  const std::int64_t all_keys = std::int64_t{64} * 4096 * 8 * 128 * 2 * 2;
  CHECK(support::sent_by_all(compiled(problem, strategy, Pass::forward)) == 31 * all_keys);
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
