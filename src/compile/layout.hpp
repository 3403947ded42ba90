#pragma once

#include <span>
#include <vector>

#include "hsap/compile.hpp"

namespace hsap {

/// Tokens [begin, begin + tokens) dealt to one shard.
struct Share {
  int shard = 0;
  Token tokens = 0;
};

/// Deals the tokens from `begin` on to the shares so that each gets a front chunk and the chunk
/// that mirrors it from the back. Under a causal mask the pairs of a share are then in proportion
/// to its tokens, whatever the sizes.
void deal_zigzag(Token begin, std::span<const Share> shares, std::vector<Intervals>& shards);

/// Tokens of part `index` of `parts` nearly equal parts; they differ by at most one.
[[nodiscard]] Token equal_part(Token tokens, int parts, int index);

/// The sequence-aware layout: equal tokens (within one), near-equal mask area, and no more
/// documents split than that takes.
[[nodiscard]] std::vector<Intervals> balanced_shards(const Problem& problem, int shards);

}  // namespace hsap
