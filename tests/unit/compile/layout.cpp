#include <catch2/catch.hpp>
#include <numeric>

#include "support/random_problem.hpp"

namespace hsap {
namespace {

constexpr Layout layouts[] = {Layout::contiguous, Layout::zigzag, Layout::striped,
                              Layout::per_document_zigzag, Layout::balanced};

std::vector<Token> all_tokens(const std::vector<Intervals>& shards) {
  std::vector<Token> tokens;
  for (const Intervals& shard : shards) {
    for (const Interval& interval : shard) {
      for (Token row = 0; row < interval.size(); ++row) tokens.push_back(interval.at(row));
    }
  }
  std::sort(tokens.begin(), tokens.end());
  return tokens;
}

/// Mask area of each shard's queries, by asking every pair.
std::vector<std::int64_t> areas(const Problem& problem, const std::vector<Intervals>& shards) {
  std::vector<std::int64_t> out;
  std::vector<Slice> pieces;
  const std::vector<Slice> mask = lower(problem.mask, problem.batch);
  for (const Intervals& shard : shards) {
    std::int64_t sum = 0;
    for (const Interval& interval : shard) {
      for (const Slice& slice : mask) {
        pieces.clear();
        cut(slice, interval, slice.key, pieces);
        for (const Slice& piece : pieces) sum += area(piece);
      }
    }
    out.push_back(sum);
  }
  return out;
}

double worst_over_mean(const std::vector<std::int64_t>& values) {
  const auto sum = std::accumulate(values.begin(), values.end(), std::int64_t{0});
  const auto worst = *std::max_element(values.begin(), values.end());
  return static_cast<double>(worst) * static_cast<double>(values.size()) / static_cast<double>(sum);
}

Problem one_document(Token length) { return {.batch = {{length}}, .mask = {}, .heads = {}}; }

TEST_CASE("every layout deals each token once, sorted, and equal numbers to all shards") {
  support::Random random(7);
  for (int round = 0; round < 400; ++round) {
    const Problem problem = support::random_problem(random);
    const int shards = random.between(1, 16);
    for (const Layout layout : layouts) {
      INFO(to_string(layout) << " over " << shards << " of "
                             << support::describe(problem, Strategy{}));
      const std::vector<Intervals> dealt = shard_tokens(layout, problem, shards);
      REQUIRE(dealt.size() == static_cast<std::size_t>(shards));
      const std::vector<Token> tokens = all_tokens(dealt);
      std::vector<Token> expected(tokens.size());
      std::iota(expected.begin(), expected.end(), 0);
      CHECK(tokens == expected);
      std::int64_t fewest = tokens_in(dealt[0]);
      std::int64_t most = fewest;
      for (const Intervals& shard : dealt) {
        fewest = std::min(fewest, tokens_in(shard));
        most = std::max(most, tokens_in(shard));
        CHECK(std::is_sorted(shard.begin(), shard.end()));
        Intervals canonical = shard;
        normalise(canonical);
        CHECK(canonical == shard);
      }
      CHECK(most - fewest <= 1);
    }
  }
}

TEST_CASE("the plain layouts of 16 tokens over 4 shards") {
  const Problem problem = one_document(16);
  CHECK(shard_tokens(Layout::contiguous, problem, 4)[1] == Intervals{{4, 8, 1}});
  // 8 chunks of two tokens: shard 1 holds chunks 1 and 6.
  CHECK(shard_tokens(Layout::zigzag, problem, 4)[1] == Intervals{{2, 4, 1}, {12, 14, 1}});
  CHECK(shard_tokens(Layout::striped, problem, 4)[1] == Intervals{{1, 14, 4}});
}

TEST_CASE("zigzag by document gives every shard its part of every document") {
  const Problem problem{.batch = {{8, 16}}, .mask = {}, .heads = {}};
  const std::vector<Intervals> shards = shard_tokens(Layout::per_document_zigzag, problem, 4);
  CHECK(shards[0] == Intervals{{0, 1, 1}, {7, 10, 1}, {22, 24, 1}});
  CHECK(shards[3] == Intervals{{3, 5, 1}, {14, 18, 1}});
}

TEST_CASE("a causal document is unbalanced when contiguous and balanced when zigzagged") {
  const Problem problem = one_document(64 * 64);
  // Contiguous over C: the last shard does 2 C - 1 of every C squared parts of n^2 / 2.
  const double contiguous =
      worst_over_mean(areas(problem, shard_tokens(Layout::contiguous, problem, 8)));
  CHECK(contiguous == Approx(15.0 / 8).epsilon(0.001));
  CHECK(worst_over_mean(areas(problem, shard_tokens(Layout::zigzag, problem, 8))) == 1.0);
  CHECK(worst_over_mean(areas(problem, shard_tokens(Layout::balanced, problem, 8))) == 1.0);
  // Striped: shard c's rows see c more keys than shard 0's; (n + C) / (n + 1) at most.
  CHECK(worst_over_mean(areas(problem, shard_tokens(Layout::striped, problem, 8))) < 1.002);
}

TEST_CASE("balanced: one document of 256K is within 3 percent of the mean on 32 shards") {
  for (const Token length : {Token{1} << 18, Token{262143}, Token{200001}}) {
    const Problem problem = one_document(length);
    CHECK(worst_over_mean(areas(problem, shard_tokens(Layout::balanced, problem, 32))) < 1.03);
  }
}

TEST_CASE("balanced: 64 documents of 4K on 32 shards stay whole, two on each") {
  Problem problem;
  problem.batch.lengths.assign(64, 4096);
  for (const Intervals& shard : shard_tokens(Layout::balanced, problem, 32)) {
    REQUIRE(tokens_in(shard) == 8192);
    for (const Interval& interval : shard) {
      CHECK(interval.begin % 4096 == 0);
      CHECK(interval.end % 4096 == 0);
    }
  }
}

TEST_CASE("balanced: a long document among short ones shares its work and leaves them whole") {
  Problem problem;
  problem.batch.lengths.assign(33, 4096);
  problem.batch.lengths[5] = 131072;
  const std::vector<Intervals> shards = shard_tokens(Layout::balanced, problem, 32);
  // 4096 tokens of the long one and one short one on each.
  CHECK(worst_over_mean(areas(problem, shards)) == Approx(1.0).epsilon(0.001));
  for (const Intervals& shard : shards) CHECK(shard.size() <= 3);
}

TEST_CASE("balanced: two long documents take shards of their own") {
  Problem problem;
  problem.batch.lengths = {65536, 65536};
  const std::vector<Intervals> shards = shard_tokens(Layout::balanced, problem, 8);
  for (const Intervals& shard : shards) {
    CHECK((shard.front().begin >= 65536 || shard.back().end <= 65536));
  }
  CHECK(worst_over_mean(areas(problem, shards)) == 1.0);
}

TEST_CASE("balanced: heavy-tailed batches stay near the mean") {
  support::Random random(11);
  for (int round = 0; round < 40; ++round) {
    Problem problem;
    Token left = 1 << 18;
    problem.batch.lengths.push_back(random.between(50000, 150000));
    left -= problem.batch.lengths[0];
    while (left > 0) {
      const Token length = std::min(left, random.between(200, random.once_in(6) ? 20000 : 3000));
      problem.batch.lengths.push_back(length);
      left -= length;
    }
    INFO("round " << round);
    CHECK(worst_over_mean(areas(problem, shard_tokens(Layout::balanced, problem, 32))) < 1.2);
  }
}

}  // namespace
}  // namespace hsap
