#pragma once

#include "hsap/schedule.hpp"

namespace hsap {

/// Where a rank stands in the U x C mesh: member u of the Ulysses group that holds shard c.
struct Seat {
  int u = 0;
  int c = 0;
};

/// Ranks, seats and heads of a strategy.
class Mesh {
 public:
  Mesh(const Strategy& strategy, const Heads& heads);

  [[nodiscard]] int ulysses() const { return ulysses_; }
  [[nodiscard]] int shards() const { return shards_; }
  [[nodiscard]] Rank ranks() const { return ulysses_ * shards_; }
  [[nodiscard]] Rank rank(Seat seat) const;
  [[nodiscard]] Seat seat(Rank rank) const;
  /// The ranks that hold the heads of member u, one per shard, in shard order.
  [[nodiscard]] Group context_group(int u) const;
  /// Query heads [H u / U, H (u + 1) / U).
  [[nodiscard]] HeadRange query_heads(int u) const;
  /// The key/value heads that those query heads read.
  [[nodiscard]] HeadRange key_heads(int u) const;
  [[nodiscard]] HeadRange all_query_heads() const;
  [[nodiscard]] HeadRange all_key_heads() const;

 private:
  int ulysses_;
  int shards_;
  Order order_;
  Heads heads_;
};

/// Heads [begin, end) of a model with at most 2^16 of them.
[[nodiscard]] HeadRange head_range(int begin, int end);

}  // namespace hsap
