#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "hsap/tune.hpp"

namespace hsap {

/// How attention over tokens is done: "p2p", "ring", ..., "ulysses" with one context shard, or
/// "data parallel" with one rank. Reasons compare the winner with the best of each.
[[nodiscard]] std::string method_of(const Strategy& strategy);

/// The feasible candidates seen so far, and the question that pruning asks of them. Better means
/// more tokens per second, then less time for attention (steps that wait for the host all take the
/// same), then earlier in the enumeration.
class Ranking {
 public:
  Ranking(std::span<const Candidate> candidates, int top) : candidates_(candidates), top_(top) {}

  /// Adds a candidate whose batches are all predicted.
  void add(std::size_t index);

  /// Whether a candidate, whose tokens per second can only fall and whose peak memory can only grow
  /// from here, could still be the best, a runner-up, the best of its method, or on the Pareto set.
  [[nodiscard]] bool may_matter(const Candidate& candidate) const;

  /// The best of all, then up to `top` runners-up, at most one for each (U, C, exchange, layout).
  [[nodiscard]] std::vector<std::size_t> leaders() const;
  /// None is both faster and smaller; by time.
  [[nodiscard]] std::vector<std::size_t> pareto() const;
  /// The best of each method, best first.
  [[nodiscard]] std::vector<std::size_t> best_of_methods() const;

 private:
  using Family = std::tuple<int, int, Exchange, Layout>;
  [[nodiscard]] bool better(std::size_t a, std::size_t b) const;
  template <typename Key>
  void keep_best(std::map<Key, std::size_t>& best, const Key& key, std::size_t index);
  template <typename Key>
  [[nodiscard]] std::vector<std::size_t> sorted(const std::map<Key, std::size_t>& best) const;
  [[nodiscard]] bool dominated(const Candidate& candidate) const;

  std::span<const Candidate> candidates_;
  int top_;
  std::map<Family, std::size_t> families_;
  std::map<std::string, std::size_t> methods_;
  std::vector<std::size_t> feasible_;
};

}  // namespace hsap
