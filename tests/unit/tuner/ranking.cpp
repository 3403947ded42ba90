#include "tuner/ranking.hpp"

#include <catch2/catch.hpp>

using namespace hsap;

namespace {

using Indices = std::vector<std::size_t>;

Candidate make(int ulysses, int context, Exchange exchange, double tokens_per_s, int bytes) {
  Candidate candidate;
  candidate.strategy.ulysses = ulysses;
  candidate.strategy.context_parallel = context;
  candidate.strategy.exchange = exchange;
  candidate.outcome = Outcome::feasible;
  candidate.tokens_per_s = tokens_per_s;
  candidate.peak_bytes = bytes;
  candidate.figures.emplace();
  return candidate;
}

Ranking ranked(const std::vector<Candidate>& candidates, int top) {
  Ranking ranking(candidates, top);
  for (std::size_t i = 0; i < candidates.size(); ++i) ranking.add(i);
  return ranking;
}

}  // namespace

TEST_CASE("methods are named by what is exchanged") {
  CHECK(method_of({1, 1}) == "data parallel");
  CHECK(method_of({8, 1}) == "ulysses");
  CHECK(method_of({8, 2, Order::ulysses_inner, Layout::balanced, Exchange::p2p}) == "p2p");
}

TEST_CASE("leaders are diverse: one for each mesh, exchange and layout") {
  std::vector<Candidate> candidates{
      make(2, 4, Exchange::p2p, 100, 9), make(2, 4, Exchange::p2p, 110, 9),
      make(4, 2, Exchange::p2p, 105, 9), make(2, 4, Exchange::ring, 90, 9)};
  candidates[0].strategy.stages = 2;
  CHECK(ranked(candidates, 5).leaders() == Indices{1, 2, 3});
  CHECK(ranked(candidates, 1).leaders() == Indices{1, 2});
  CHECK(ranked(candidates, 0).leaders() == Indices{1});
  CHECK(ranked(candidates, 5).best_of_methods() == Indices{1, 3});
}

TEST_CASE("equal candidates keep the order of enumeration") {
  const std::vector<Candidate> candidates{make(2, 4, Exchange::ring, 100, 9),
                                          make(4, 2, Exchange::ring, 100, 9)};
  CHECK(ranked(candidates, 5).leaders() == Indices{0, 1});
  CHECK(ranked(candidates, 5).pareto() == Indices{0});
}

TEST_CASE("of steps that all wait for the host, less attention comes first") {
  std::vector<Candidate> candidates{make(2, 4, Exchange::ring, 100, 9),
                                    make(4, 2, Exchange::ring, 100, 9)};
  candidates[0].figures->attention.backward_s = 2;
  candidates[1].figures->attention.forward_s = 1;
  CHECK(ranked(candidates, 5).leaders() == Indices{1, 0});
}

TEST_CASE("the Pareto set has less memory for every bit of time") {
  // (tokens/s, bytes): (100, 9) best; (90, 9) dominated; (80, 5) smaller; (70, 6) dominated by
  // (80, 5); (60, 2) smallest.
  const std::vector<Candidate> candidates{
      make(1, 8, Exchange::ring, 90, 9), make(2, 4, Exchange::ring, 100, 9),
      make(4, 2, Exchange::ring, 80, 5), make(8, 1, Exchange::ring, 70, 6),
      make(1, 4, Exchange::ring, 60, 2)};
  CHECK(ranked(candidates, 5).pareto() == Indices{1, 2, 4});
}

TEST_CASE("a candidate matters unless it is beaten everywhere") {
  const std::vector<Candidate> candidates{make(2, 4, Exchange::p2p, 100, 9),
                                          make(2, 4, Exchange::ring, 80, 5)};
  const Ranking ranking = ranked(candidates, 0);
  CHECK(ranking.may_matter(make(4, 2, Exchange::p2p, 101, 9)));        // could be the best
  CHECK(ranking.may_matter(make(4, 2, Exchange::p2p, 90, 8)));         // could be Pareto
  CHECK(ranking.may_matter(make(4, 2, Exchange::ring, 85, 9)));        // could be the best ring
  CHECK(ranking.may_matter(make(4, 2, Exchange::all_gather, 10, 9)));  // the only all-gather
  CHECK_FALSE(ranking.may_matter(make(4, 2, Exchange::p2p, 90, 9)));
  CHECK_FALSE(ranking.may_matter(make(2, 4, Exchange::ring, 79, 5)));
  // With room for runners-up a new mesh may become one, another variant of a known one may not.
  CHECK(ranked(candidates, 5).may_matter(make(4, 2, Exchange::p2p, 10, 9)));
  CHECK_FALSE(ranked(candidates, 5).may_matter(make(2, 4, Exchange::p2p, 90, 9)));
}
