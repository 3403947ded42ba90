#include <catch2/catch.hpp>

#include "support/compiled.hpp"
#include "support/random_problem.hpp"

namespace hsap {
namespace {

using support::compiled;

TEST_CASE("p2p never sends more than all_gather, nor that more than a ring") {
  support::Random random(5);
  for (int round = 0; round < 300; ++round) {
    const Problem problem = support::random_problem(random);
    Strategy strategy = support::random_strategy(random, problem);
    strategy.stages = 0;
    // Queries that travel whatever it takes may be more.
    if (strategy.moves == Moves::queries) strategy.moves = Moves::fewest;
    INFO(support::describe(problem, strategy));
    for (const Pass pass : {Pass::forward, Pass::backward}) {
      std::vector<std::int64_t> bytes;
      for (const Exchange exchange : {Exchange::p2p, Exchange::all_gather, Exchange::ring}) {
        strategy.exchange = exchange;
        bytes.push_back(support::sent_by_all(compiled(problem, strategy, pass)));
      }
      CHECK(bytes[0] <= bytes[1]);
      CHECK(bytes[1] <= bytes[2]);
    }
  }
}

TEST_CASE("moving whichever side is fewer bytes sends no more than either side") {
  support::Random random(6);
  int fewer_than_both = 0;
  for (int round = 0; round < 300; ++round) {
    const Problem problem = support::random_problem(random);
    Strategy strategy = support::random_strategy(random, problem);
    strategy.exchange = Exchange::p2p;
    strategy.stages = 0;
    INFO(support::describe(problem, strategy));
    for (const Pass pass : {Pass::forward, Pass::backward}) {
      std::vector<std::int64_t> bytes;
      for (const Moves moves : {Moves::fewest, Moves::keys, Moves::queries}) {
        strategy.moves = moves;
        bytes.push_back(support::sent_by_all(compiled(problem, strategy, pass)));
      }
      CHECK(bytes[0] <= bytes[1]);
      CHECK(bytes[0] <= bytes[2]);
      fewer_than_both += bytes[0] < bytes[1] && bytes[0] < bytes[2] ? 1 : 0;
    }
  }
  CHECK(fewer_than_both > 0);
}

TEST_CASE("hierarchical crosses the network with no more than p2p, and less where nodes share") {
  support::Random random(7);
  int less = 0;
  for (int round = 0; round < 300; ++round) {
    const Problem problem = support::random_problem(random);
    Strategy strategy = support::random_strategy(random, problem);
    strategy.ulysses = 1;
    strategy.stages = 0;
    strategy.moves = Moves::keys;
    if (illegal(problem, strategy)) continue;
    const int inner = strategy.inner_degree;
    INFO(support::describe(problem, strategy));
    for (const Pass pass : {Pass::forward, Pass::backward}) {
      strategy.exchange = Exchange::hierarchical;
      const auto shared = support::sent_between_nodes(compiled(problem, strategy, pass), inner);
      strategy.exchange = Exchange::p2p;
      const auto direct = support::sent_between_nodes(compiled(problem, strategy, pass), inner);
      CHECK(shared <= direct);
      if (inner == 1) CHECK(shared == direct);
      less += shared < direct ? 1 : 0;
    }
  }
  CHECK(less > 0);
}

TEST_CASE("1,024 ranks over 8M tokens fit in well under a gigabyte") {
  const Problem problem{
      .batch = {{1 << 23}}, .mask = {}, .heads = {.query = 8, .key_value = 8, .dim = 8}};
  const Strategy strategy{
      .context_parallel = 1024, .layout = Layout::balanced, .exchange = Exchange::p2p};
  const Schedule schedule = compiled(problem, strategy, Pass::backward);
  CHECK(schedule.footprint_bytes() < std::int64_t{400} << 20);
}

}  // namespace
}  // namespace hsap
