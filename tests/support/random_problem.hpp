#pragma once

#include <algorithm>
#include <random>
#include <sstream>
#include <string>

#include "hsap/compile.hpp"

namespace hsap::support {

/// Small problems and strategies of every kind from a seed: the same seed gives the same ones on
/// every machine, because nothing here uses a distribution of the standard library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  /// Uniform in [low, high].
  int between(int low, int high) {
    const auto span = static_cast<std::uint64_t>(high - low) + 1;
    return low + static_cast<int>(engine_() % span);
  }
  bool once_in(int n) { return between(1, n) == 1; }

 private:
  std::mt19937_64 engine_;
};

/// Documents that together have at least `at_least` tokens: mostly short ones, now and then one
/// token or one document that dwarfs the rest.
inline Batch random_batch(Random& random, Token at_least, Token longest = 60) {
  Batch batch;
  Token tokens = 0;
  const int documents = random.between(1, 12);
  while (static_cast<int>(batch.lengths.size()) < documents || tokens < at_least) {
    Token length = random.between(1, longest);
    if (random.once_in(5)) length = 1;
    if (random.once_in(8)) length = random.between(longest, 6 * longest);
    batch.lengths.push_back(length);
    tokens += length;
  }
  return batch;
}

inline Mask random_mask(Random& random) {
  Mask mask;
  mask.kind = static_cast<Mask::Kind>(random.between(0, 4));
  if (mask.kind == Mask::Kind::sliding) mask.window = random.between(1, 40);
  if (mask.kind == Mask::Kind::prefix) mask.prefix = random.between(0, 30);
  if (mask.kind == Mask::Kind::shared_question) {
    mask.prefix = random.between(1, 30);
    mask.answers = random.between(1, 5);
  }
  return mask;
}

/// MHA, GQA and MQA.
inline Heads random_heads(Random& random) {
  const int key_value = random.between(1, 4);
  const int group = random.once_in(3) ? 1 : random.between(1, 5);
  return {.query = key_value * group, .key_value = key_value, .dim = 8};
}

inline int random_divisor(Random& random, int of) {
  int divisor = random.between(1, of);
  while (of % divisor != 0) --divisor;
  return divisor;
}

/// A strategy that is legal for the problem; up to `most_shards` shards.
inline Strategy random_strategy(Random& random, const Problem& problem, int most_shards = 16) {
  const Token tokens = problem.batch.tokens();
  Strategy strategy;
  strategy.ulysses = random.once_in(2) ? 1 : random.between(1, std::min(problem.heads.query, 8));
  strategy.ulysses = std::min(strategy.ulysses, tokens);
  strategy.context_parallel = std::min(random.between(1, most_shards), tokens / strategy.ulysses);
  strategy.order = static_cast<Order>(random.between(0, 1));
  strategy.layout = static_cast<Layout>(random.between(0, 4));
  strategy.gradient_dtype = static_cast<Dtype>(random.between(0, 1));
  constexpr Exchange exchanges[] = {Exchange::ring, Exchange::double_ring, Exchange::all_gather,
                                    Exchange::p2p, Exchange::hierarchical};
  strategy.exchange = exchanges[random.between(0, 4)];
  strategy.inner_degree = random_divisor(random, strategy.context_parallel);
  strategy.transfer_order = static_cast<TransferOrder>(random.between(0, 2));
  strategy.gradient_return = static_cast<GradientReturn>(random.between(0, 1));
  strategy.moves = static_cast<Moves>(random.between(0, 2));
  strategy.kv_groups = static_cast<KvGroups>(random.between(0, 1));
  strategy.stages = random.between(0, 5);
  if (illegal(problem, strategy)) strategy.stages = 0;
  if (illegal(problem, strategy)) strategy.exchange = Exchange::ring;
  return strategy;
}

inline Problem random_problem(Random& random) {
  Problem problem;
  problem.batch = random_batch(random, 16);
  problem.mask = random_mask(random);
  problem.heads = random_heads(random);
  problem.dtype = random.once_in(4) ? Dtype::fp32 : Dtype::bf16;
  return problem;
}

/// One line that says what failed: documents, mask, heads and strategy.
inline std::string describe(const Problem& problem, const Strategy& strategy) {
  std::ostringstream text;
  text << "documents";
  for (const Token length : problem.batch.lengths) text << ' ' << length;
  text << "; " << to_string(problem.mask) << "; heads " << problem.heads.query << '/'
       << problem.heads.key_value << "; " << to_string(problem.dtype) << "; " << to_string(strategy)
       << "; gradients " << to_string(strategy.gradient_dtype);
  return text.str();
}

}  // namespace hsap::support
