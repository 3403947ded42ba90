#include <catch2/catch.hpp>

#include "hsap/verify.hpp"
#include "support/compiled.hpp"

namespace hsap {
namespace {

Problem causal(std::vector<Token> lengths, int query, int key_value) {
  return {.batch = {std::move(lengths)},
          .mask = {},
          .heads = {.query = query, .key_value = key_value, .dim = 8}};
}

TEST_CASE("what cannot be compiled is refused in a sentence") {
  const Problem problem = causal({64}, 12, 4);
  CHECK(illegal(problem, {.ulysses = 16}) == "12 query heads do not cover 16 Ulysses ranks");
  CHECK(illegal(problem, {.ulysses = 0}) == "a mesh of 0 x 1 ranks holds none");
  CHECK(illegal(problem, {.context_parallel = 65}) ==
        "a batch of 64 tokens is smaller than 65 ranks");
  CHECK(illegal(problem,
                {.context_parallel = 4, .exchange = Exchange::double_ring, .inner_degree = 3}) ==
        "an inner degree of 3 does not divide 4 context shards");
  CHECK(illegal(problem, {.context_parallel = 8,
                          .exchange = Exchange::hierarchical,
                          .stages = 4,
                          .inner_degree = 2}) == "3 other nodes cannot be grouped into 4 stages");
  CHECK(illegal(problem, {.context_parallel = 4, .stages = 2}) ==
        "a ring of 4 shards has 3 stages, not 2");
  CHECK(illegal(problem, {.context_parallel = 4, .exchange = Exchange::p2p, .stages = 4}) ==
        "3 peers cannot be grouped into 4 stages");
  CHECK(illegal(
            problem,
            {.ulysses = 2, .context_parallel = 4, .exchange = Exchange::all_gather, .stages = 3}) ==
        "2 key/value heads on a rank cannot be gathered in 3 stages");
  CHECK(illegal(problem, {.stages = -1}) == "-1 stages are fewer than none");
  CHECK(illegal(causal({64}, 12, 5), {}) ==
        "12 query heads do not divide evenly over 5 key/value heads");
  CHECK(illegal(causal({64}, 1 << 16, 1 << 16), {}) ==
        "65536 query heads are more than the 32768 that are supported");
  CHECK_FALSE(illegal(causal({64}, 1 << 15, 1 << 15), {}));
  CHECK_FALSE(illegal(problem, {.ulysses = 5, .context_parallel = 12}));
}

TEST_CASE("problems that hold no mask or batch are refused as well") {
  Problem problem = causal({64}, 4, 4);
  problem.mask = {.kind = Mask::Kind::shared_question, .prefix = 4, .answers = 0};
  CHECK(illegal(problem, {}) == "a shared question with 0 answers has none");
  problem.mask = {.kind = Mask::Kind::sliding, .window = 0};
  CHECK(illegal(problem, {}) == "a sliding window of 0 tokens holds no key");
  CHECK(illegal(causal({}, 4, 4), {}));
  CHECK(illegal(causal({8, 0}, 4, 4), {}));
}

TEST_CASE("a layout that cuts too much is refused before it takes the memory") {
  // 1,000 documents x 2048 x 2048 / 2 pairs of chunks.
  const Problem problem = causal(std::vector<Token>(1000, 8192), 4, 4);
  Strategy strategy{.context_parallel = 1024, .layout = Layout::per_document_zigzag};
  CHECK(illegal(problem, strategy) ==
        "per_document_zigzag cuts 1000 documents over 1024 shards into 2000 million pairs of "
        "pieces, more than the 32 million that fit in memory");
  strategy.exchange = Exchange::all_gather;
  CHECK_FALSE(illegal(problem, strategy));
  strategy.layout = Layout::striped;
  CHECK(illegal(problem, strategy));
  strategy.layout = Layout::balanced;
  strategy.exchange = Exchange::p2p;
  CHECK_FALSE(illegal(problem, strategy));
}

TEST_CASE("a ring of too many steps is refused, p2p of short documents is not") {
  const Problem problem = causal({1 << 20}, 32, 8);
  Strategy strategy{.context_parallel = 4096, .exchange = Exchange::ring};
  CHECK_FALSE(illegal(problem, strategy));
  strategy.context_parallel = 8192;
  CHECK(illegal(problem, strategy) ==
        "a ring of 8192 ranks over 8192 shards has 64 million steps, more than the 16 million that "
        "fit in memory");
  strategy.exchange = Exchange::p2p;
  CHECK_FALSE(illegal(causal(std::vector<Token>(1024, 1024), 32, 8), strategy));
  CHECK(
      illegal(problem, strategy) ==
      "zigzag cuts 1 documents over 8192 shards into 128 million pairs of pieces, more than the 32 "
      "million that fit in memory");
  for (const Layout layout : {Layout::zigzag, Layout::contiguous, Layout::balanced}) {
    for (const Exchange exchange : {Exchange::p2p, Exchange::hierarchical}) {
      strategy = {.context_parallel = 4096, .layout = layout, .exchange = exchange};
      CHECK_FALSE(illegal(problem, strategy));
      strategy.context_parallel = 16384;
      CHECK(illegal(problem, strategy));
    }
  }
  strategy = {.ulysses = 32, .context_parallel = 1024, .exchange = Exchange::double_ring};
  CHECK(illegal(problem, strategy));
}

TEST_CASE("answers of a shared question count as often as they are cut") {
  // 64 answers of 2 x 1024 stripes each, against the question and themselves.
  Problem problem = causal(std::vector<Token>(8, 1 << 18), 4, 4);
  problem.mask = {.kind = Mask::Kind::shared_question, .prefix = 1 << 12, .answers = 64};
  Strategy strategy{.context_parallel = 1024, .layout = Layout::striped, .exchange = Exchange::p2p};
  CHECK(illegal(problem, strategy));
  problem.batch.lengths.resize(1);
  CHECK(illegal(problem, strategy));
  strategy.context_parallel = 256;
  CHECK_FALSE(illegal(problem, strategy));
}

TEST_CASE("a mask that makes too many slices is refused before they are made") {
  Problem problem = causal(std::vector<Token>(64, 65537), 4, 4);
  problem.mask = {.kind = Mask::Kind::shared_question, .prefix = 1, .answers = 65536};
  CHECK(
      illegal(problem, {}) ==
      "mask shared_question:1:65536 makes up to 4194432 slices of 64 documents, more than 4194304");
  problem.batch.lengths.resize(31);
  CHECK_FALSE(illegal(problem, {}));
}

TEST_CASE("a layout of too many chunks is refused whatever the exchange") {
  const Problem problem = causal(std::vector<Token>(1 << 14, 1 << 14), 4, 4);
  Strategy strategy{.context_parallel = 1 << 14,
                    .layout = Layout::per_document_zigzag,
                    .exchange = Exchange::all_gather};
  CHECK(illegal(problem, strategy) ==
        "per_document_zigzag cuts 16384 documents over 16384 shards into 256 million chunks, more "
        "than the 8 million that fit in memory");
  strategy.layout = Layout::zigzag;
  CHECK_FALSE(illegal(problem, strategy));
}

TEST_CASE("compiling an illegal strategy is an error of kind infeasible") {
  const Result<Schedule> schedule = compile(causal({64}, 4, 4), {.ulysses = 5}, Pass::forward);
  REQUIRE_FALSE(schedule.ok());
  CHECK(schedule.error().kind == ErrorKind::infeasible);
  CHECK(schedule.error().message == "4 query heads do not cover 5 Ulysses ranks");
}

TEST_CASE("natural stages are filled in") {
  const Problem problem = causal({640}, 8, 8);
  CHECK(resolve({.context_parallel = 8}).stages == 7);
  CHECK(resolve({.context_parallel = 8, .exchange = Exchange::p2p}).stages == 4);
  CHECK(resolve({.context_parallel = 3, .exchange = Exchange::p2p}).stages == 2);
  CHECK(resolve({.context_parallel = 8, .exchange = Exchange::all_gather}).stages == 1);
  const Strategy chosen{.context_parallel = 8, .exchange = Exchange::all_gather, .stages = 4};
  CHECK(resolve(chosen) == chosen);
}

TEST_CASE("with one shard every exchange gives the same schedule") {
  const Problem problem = causal({40, 24}, 6, 2);
  for (const int ulysses : {1, 4}) {
    for (const Pass pass : {Pass::forward, Pass::backward}) {
      const Schedule ring = support::compiled(problem, {.ulysses = ulysses}, pass);
      for (const Exchange exchange : {Exchange::all_gather, Exchange::p2p}) {
        CHECK(
            (ring == support::compiled(problem, {.ulysses = ulysses, .exchange = exchange}, pass)));
      }
    }
  }
}

TEST_CASE("the order of the mesh decides which ranks are a Ulysses group") {
  const Problem problem = causal({64}, 4, 4);
  Strategy strategy{.ulysses = 2, .context_parallel = 4, .layout = Layout::contiguous};
  // Shard 0 holds tokens 0 to 15, its members 8 each.
  Schedule schedule = support::compiled(problem, strategy, Pass::forward);
  CHECK(schedule.intervals_of(schedule.home[1])[0] == Interval{8, 16, 1});
  strategy.order = Order::context_inner;
  schedule = support::compiled(problem, strategy, Pass::forward);
  CHECK(schedule.intervals_of(schedule.home[4])[0] == Interval{8, 16, 1});
}

TEST_CASE("keys of at most three blocks are alive at once in a ring") {
  // The exchange that brings a block into step s + 1 waits for the attend of step s - 1.
  const Schedule schedule =
      support::compiled(causal({80}, 1, 1), {.context_parallel = 8}, Pass::forward);
  std::vector<Index> attends;
  int exchanges = 0;
  for (const Operation& op : schedule.program(0)) {
    const auto index = static_cast<Index>(&op - schedule.operations.data());
    if (op.kind == Kind::attend) attends.push_back(index);
    if (op.kind != Kind::exchange) continue;
    const auto dependencies = schedule.dependencies_of(op);
    if (exchanges >= 2) {
      REQUIRE(dependencies.size() == 1);
      CHECK(dependencies[0] == attends[static_cast<std::size_t>(exchanges) - 1]);
    }
    ++exchanges;
  }
  CHECK(exchanges == 7);
}

TEST_CASE("gradients of one exchange may be added to the same rows, not overwrite them too") {
  // The first shard's keys are used by all others, whose gradients come back in one stage.
  const Problem problem = causal({64}, 1, 1);
  const Strategy strategy{
      .context_parallel = 4, .layout = Layout::contiguous, .exchange = Exchange::p2p, .stages = 1};
  Schedule schedule = support::compiled(problem, strategy, Pass::backward);
  CHECK_FALSE(verify(schedule, problem));
  for (Transfer& transfer : schedule.transfers) {
    if (!transfer.add) continue;
    transfer.add = false;
    break;
  }
  const std::optional<Finding> finding = verify(schedule, problem);
  REQUIRE(finding);
  CHECK(finding->flaw == Flaw::race);
}

}  // namespace
}  // namespace hsap
