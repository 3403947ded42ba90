#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hsap/interval.hpp"
#include "hsap/schedule.hpp"
#include "hsap/status.hpp"
#include "hsap/strategy.hpp"

namespace hsap {

/// Why a strategy cannot be compiled for a problem, in one sentence ("12 query heads do not
/// cover 16 Ulysses ranks"); nothing when it can.
[[nodiscard]] std::optional<std::string> illegal(const Problem& problem, const Strategy& strategy);

/// The strategy with its choices that have no meaning for its exchange set to their defaults, so
/// that strategies that do the same are equal.
[[nodiscard]] Strategy meaningful(const Strategy& strategy);

/// How many consecutive shards of the strategy's mesh lie on one node of `node_ranks` consecutive
/// ranks: what inner_degree should be on such a cluster. Divides C.
[[nodiscard]] int near_shards(const Strategy& strategy, int node_ranks);

/// The meaningful strategy with every "natural" choice filled in (stages, inner_degree).
[[nodiscard]] Strategy resolve(const Strategy& strategy);

/// Lowers a strategy to what each rank does. Thread-safe; equal inputs give equal bytes.
/// Errors: the strategy is illegal for the problem (kind infeasible).
[[nodiscard]] Result<Schedule> compile(const Problem& problem, const Strategy& strategy, Pass pass);

/// The tokens of each of `shards` context shards, sorted, disjoint, together the whole batch.
[[nodiscard]] std::vector<Intervals> shard_tokens(Layout layout, const Problem& problem,
                                                  int shards);

}  // namespace hsap
