#include "tuner/search.hpp"

#include <catch2/catch.hpp>

#include "fake_search.hpp"
#include "tuner/search_json.hpp"

using namespace hsap;

namespace {

Search run(std::uint64_t seed, int batches, const TuneOptions& options) {
  test::FakeSearch fake = test::fake_search(seed, batches);
  const Evaluator evaluator(fake.batches, fake.oracle, fake.search.memory_limit_bytes);
  run_search(fake.search, evaluator, options, {});
  return fake.search;
}

int count(const Search& search, Outcome outcome) {
  int n = 0;
  for (const Candidate& candidate : search.candidates) n += candidate.outcome == outcome ? 1 : 0;
  return n;
}

}  // namespace

TEST_CASE("pruning gives the answer of an exhaustive search") {
  int pruned = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    TuneOptions options;
    options.threads = 1;
    options.top = static_cast<int>(seed % 5);
    const int batches = 1 + static_cast<int>(seed % 6);
    const Search fast = run(seed, batches, options);
    options.exhaustive = true;
    const Search slow = run(seed, batches, options);
    INFO("seed " << seed);
    REQUIRE(fast.best == slow.best);
    REQUIRE(fast.runners_up == slow.runners_up);
    REQUIRE(fast.pareto == slow.pareto);
    REQUIRE(fast.why == slow.why);
    CHECK(count(slow, Outcome::pruned) == 0);
    pruned += count(fast, Outcome::pruned);
  }
  // 60 searches of 72 candidates: the test says nothing if none is ever pruned.
  CHECK(pruned > 300);
}

TEST_CASE("neither the answer nor the candidates depend on the number of threads") {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    TuneOptions options;
    options.threads = 1;
    const std::string alone = search_json(run(seed, 5, options)).dump();
    for (const int threads : {2, 5}) {
      options.threads = threads;
      CHECK(search_json(run(seed, 5, options)).dump() == alone);
    }
  }
}

TEST_CASE("the best is the fastest that fits, and a limit leaves out what does not") {
  test::FakeSearch fake = test::fake_search(3, 2);
  const Evaluator evaluator(fake.batches, fake.oracle, fake.search.memory_limit_bytes);
  TuneOptions options;
  options.exhaustive = true;
  run_search(fake.search, evaluator, options, {});
  REQUIRE(fake.search.best.has_value());
  const Candidate& best = fake.search.candidates[*fake.search.best];
  int too_large = 0;
  for (const Candidate& candidate : fake.search.candidates) {
    if (candidate.outcome == Outcome::feasible) {
      CHECK(candidate.tokens_per_s <= best.tokens_per_s);
      CHECK(candidate.peak_bytes <= fake.search.memory_limit_bytes);
    }
    if (candidate.outcome == Outcome::out_of_memory) {
      ++too_large;
      CHECK(candidate.peak_bytes > fake.search.memory_limit_bytes);
      CHECK(candidate.reason.find("needs ") == 0);
    }
  }
  CHECK(too_large > 0);
  CHECK(fake.search.candidates[5].outcome == Outcome::illegal);
}

TEST_CASE("a candidate whose prediction fails is infeasible with the reason") {
  test::FakeSearch fake = test::fake_search(3, 2);
  fake.oracle.predict = [](std::size_t, const Strategy&) -> Result<BatchPrediction> {
    return infeasible("no way");
  };
  const Evaluator evaluator(fake.batches, fake.oracle, fake.search.memory_limit_bytes);
  run_search(fake.search, evaluator, {}, {});
  CHECK_FALSE(fake.search.best.has_value());
  CHECK(fake.search.pareto.empty());
  CHECK(fake.search.candidates[0].reason == "no way");
  REQUIRE_FALSE(fake.search.why.empty());
  // 71 failed in the same way, one was made illegal beforehand.
  CHECK(fake.search.why[0] ==
        "71 strategies, such as " + to_string(fake.search.candidates[0].strategy) + ": no way");
}

TEST_CASE("progress ends at its total and never goes back") {
  test::FakeSearch fake = test::fake_search(9, 4);
  const Evaluator evaluator(fake.batches, fake.oracle, fake.search.memory_limit_bytes);
  std::size_t last = 0;
  std::size_t end = 0;
  run_search(fake.search, evaluator, {}, [&](std::size_t done, std::size_t total) {
    CHECK(done >= last);
    CHECK(done <= total);
    last = done;
    end = total;
  });
  CHECK(end == 71 * 4);
}
