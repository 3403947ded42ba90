#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "hsap/tune.hpp"
#include "tuner/evaluate.hpp"

namespace hsap::test {

/// A search over made-up predictions: every strategy has a seeded base time and memory, every
/// batch scales them, and the lower limit is the fastest base.
struct FakeSearch {
  std::vector<Batch> batches;
  Search search;
  Oracle oracle;
};

inline double share(std::uint64_t seed, std::uint64_t a, std::uint64_t b) {
  std::mt19937_64 random(seed * 1000003 + a * 10007 + b);
  return static_cast<double>(random() >> 11) / 9007199254740992.0;
}

inline std::uint64_t number_of(const Strategy& strategy) {
  return static_cast<std::uint64_t>((((strategy.ulysses * 64 + strategy.context_parallel) * 8 +
                                      static_cast<int>(strategy.exchange)) *
                                         8 +
                                     static_cast<int>(strategy.layout)) *
                                        8 +
                                    strategy.stages);
}

/// One prediction whose step takes `seconds`, and half of that in attention.
inline BatchPrediction fake_prediction(const Batch& batch, double seconds, std::int64_t bytes) {
  BatchPrediction out;
  out.tokens = batch.tokens();
  out.documents = batch.documents();
  out.attention.forward_s = seconds / 8;
  out.attention.backward_s = seconds * 3 / 8;
  out.attention.exposed_communication_s = seconds / 10;
  out.attention.bytes_sent = bytes / 2;
  out.bound.total_s = seconds / 4;
  out.step = StepTimes{seconds, batch.tokens() / seconds, 0.3, {{"attention", seconds / 2}}};
  out.memory.peak_bytes = bytes;
  out.limit = "compute";
  return out;
}

inline Batch fake_batch(std::size_t number) { return Batch{{1000 + static_cast<Token>(number)}}; }

inline Oracle fake_oracle(std::uint64_t seed) {
  Oracle oracle;
  oracle.predict = [seed](std::size_t which, const Strategy& strategy) -> Result<BatchPrediction> {
    const Batch batch = fake_batch(which);
    const std::uint64_t number = number_of(strategy);
    const auto tokens = static_cast<std::uint64_t>(batch.tokens());
    const double base = 1 + share(seed, number, 0);
    const double seconds = base * (0.9 + 0.2 * share(seed, number, tokens));
    const double bytes = 1e9 * (1 + share(seed, number, 1) + 0.1 * share(seed, number, tokens + 1));
    return fake_prediction(batch, seconds, static_cast<std::int64_t>(bytes));
  };
  oracle.least = [](std::size_t, int) { return StepTimes{0.9}; };
  return oracle;
}

inline FakeSearch fake_search(std::uint64_t seed, std::size_t batches) {
  FakeSearch fake;
  for (std::size_t i = 0; i < batches; ++i) fake.batches.push_back(fake_batch(i));
  fake.search.whole_step = true;
  fake.search.memory_limit_bytes = 1950000000;
  for (const int ulysses : {1, 2, 4, 8}) {
    for (const Exchange exchange : {Exchange::p2p, Exchange::ring, Exchange::all_gather}) {
      for (const Layout layout : {Layout::balanced, Layout::zigzag}) {
        for (int stages = 0; stages < 3; ++stages) {
          Candidate candidate;
          candidate.strategy = {ulysses, 8 / ulysses, Order::ulysses_inner,
                                layout,  exchange,    stages};
          candidate.replicas = 1 + stages;
          candidate.outcome = Outcome::feasible;
          fake.search.candidates.push_back(candidate);
        }
      }
    }
  }
  fake.search.candidates[5].outcome = Outcome::illegal;
  fake.search.candidates[5].reason = "made up";
  fake.oracle = fake_oracle(seed);
  return fake;
}

}  // namespace hsap::test
