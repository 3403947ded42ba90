#include "tuner/space.hpp"

#include <catch2/catch.hpp>
#include <set>

#include "hsap/compile.hpp"

using namespace hsap;

namespace {

Problem problem_with(int query, int key_value) {
  Problem problem;
  problem.batch = Batch{{4096}};
  problem.heads = {query, key_value, 128};
  return problem;
}

}  // namespace

TEST_CASE("the space holds every mesh of every group size, once") {
  const std::vector<Candidate> space = search_space(problem_with(32, 8), 8, 4, {});
  std::set<std::pair<int, int>> meshes;
  std::set<std::string> names;
  for (const Candidate& candidate : space) {
    const Strategy& strategy = candidate.strategy;
    meshes.insert({strategy.ulysses, strategy.context_parallel});
    CHECK(strategy.ranks() * candidate.replicas == 8);
    CHECK(names.insert(to_string(strategy)).second);
    CHECK(candidate.reason.empty() == (candidate.outcome == Outcome::feasible));
  }
  // Divisors 1, 2, 4, 8 with 1, 2, 3 and 4 factorings.
  CHECK(meshes.size() == 10);
}

TEST_CASE("what is not wanted stays in the space, with the reason") {
  TuneOptions options;
  options.unwanted = [](const Strategy& strategy, int replicas) {
    return strategy.exchange == Exchange::p2p && replicas == 1 ? std::string("no") : std::string();
  };
  const std::vector<Candidate> all = search_space(problem_with(32, 8), 8, 4, {});
  const std::vector<Candidate> space = search_space(problem_with(32, 8), 8, 4, options);
  REQUIRE(space.size() == all.size());
  int left_out = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Candidate& candidate = space[i];
    const bool is_meant = all[i].outcome == Outcome::feasible &&
                          candidate.strategy.exchange == Exchange::p2p && candidate.replicas == 1;
    CHECK((candidate.outcome == Outcome::unwanted) == is_meant);
    CHECK(candidate.reason == (is_meant ? "no" : all[i].reason));
    left_out += is_meant ? 1 : 0;
  }
  CHECK(left_out > 10);
}

TEST_CASE("a choice without effect is made once") {
  for (const Candidate& candidate : search_space(problem_with(32, 8), 16, 4, {})) {
    const Strategy& strategy = candidate.strategy;
    if (strategy.context_parallel == 1) {
      CHECK(strategy.layout == Layout::contiguous);
      CHECK(strategy.stages == 0);
    }
    const bool has_order = strategy.ulysses > 1 && strategy.context_parallel > 1;
    if (!has_order) CHECK(strategy.order == Order::ulysses_inner);
    if (strategy.exchange == Exchange::ring) CHECK(strategy.stages == 0);
  }
}

TEST_CASE("exchanges that tell nodes apart come where there are nodes to tell apart") {
  int levels = 0;
  for (const Candidate& candidate : search_space(problem_with(32, 8), 16, 4, {})) {
    const Strategy& strategy = candidate.strategy;
    if (strategy.exchange != Exchange::double_ring && strategy.exchange != Exchange::hierarchical) {
      continue;
    }
    ++levels;
    CHECK(strategy.inner_degree > 1);
    CHECK(strategy.inner_degree < strategy.context_parallel);
    CHECK(strategy.inner_degree == near_shards(strategy, 4));
  }
  CHECK(levels > 0);
  for (const Candidate& candidate : search_space(problem_with(32, 8), 8, 8, {})) {
    CHECK(candidate.strategy.exchange != Exchange::hierarchical);
  }
}

TEST_CASE("illegal points stay, with the compiler's reason") {
  const Problem problem = problem_with(4, 2);
  int illegal_count = 0;
  for (const Candidate& candidate : search_space(problem, 8, 4, {})) {
    const auto reason = illegal(problem, candidate.strategy);
    CHECK((candidate.outcome == Outcome::illegal) == reason.has_value());
    CHECK(candidate.reason == reason.value_or(""));
    illegal_count += reason ? 1 : 0;
  }
  CHECK(illegal_count > 0);  // 8 Ulysses ranks over 4 heads, at least
}

TEST_CASE("bf16 gradients double the points that exchange any") {
  TuneOptions options;
  const std::size_t plain = search_space(problem_with(32, 8), 4, 4, options).size();
  options.bf16_gradients = true;
  // The meshes 1 x 1, 2 x 1 and 4 x 1 have a single context shard each.
  CHECK(search_space(problem_with(32, 8), 4, 4, options).size() == 2 * plain - 3);
}
