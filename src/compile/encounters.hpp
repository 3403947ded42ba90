#pragma once

#include <span>
#include <vector>

#include "hsap/schedule.hpp"

namespace hsap {

/// Tells which parts of the mask the queries of one shard meet in the keys of each shard.
///
/// Built once per problem from sorted arrays; a row costs time in the slices it yields plus a
/// binary search per interval of the shard.
class Encounters {
 public:
  /// `mask`: slices as lower() gives them. `shards`: the tokens of each shard.
  Encounters(std::vector<Slice> mask, std::span<const Intervals> shards);

  /// The slices of one query shard, grouped by key shard.
  struct Row {
    std::vector<Slice> slices;
    std::vector<Index> first;  ///< per key shard, and one past the last: where its slices begin

    [[nodiscard]] std::span<const Slice> with(int key_shard) const;
  };
  [[nodiscard]] Row row(int query_shard) const;
  /// All slices of one query shard with keys cut by nothing but the mask, which takes shards of
  /// dense intervals.
  [[nodiscard]] std::vector<Slice> whole_row(int query_shard) const;

 private:
  struct Owned {
    Interval tokens;
    int shard = 0;
  };
  struct Found {
    int key_shard = 0;
    Slice slice;
  };
  /// Calls `use` with every slice of the mask that some of these queries are in.
  template <typename Use>
  void for_each_slice(const Interval& query, Use use) const;
  void find(const Interval& query, std::vector<Found>& out) const;

  std::vector<Slice> mask_;      ///< by first query
  std::vector<Token> mask_end_;  ///< per slice: largest query end up to and with it
  std::vector<Owned> keys_;      ///< by first token
  std::vector<Token> keys_end_;  ///< per key interval: largest end up to and with it
  std::span<const Intervals> shards_;
};

/// Sorts intervals of one shard and joins those that overlap or touch. `stride` is the distance
/// of consecutive tokens of a shard: C in the striped layout, 1 in the others.
void unite(Intervals& list, Token stride);

}  // namespace hsap
