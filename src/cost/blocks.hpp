#pragma once

#include <span>
#include <vector>

#include "hsap/cluster.hpp"
#include "hsap/mask.hpp"
#include "hsap/strategy.hpp"

namespace hsap {

/// Thread blocks of a kernel, or of some of its rows, over all heads.
struct Blocks {
  double count = 0;
  double of_head = 0;
  double filled = 0;    ///< rows of all of them, in rows of a tile: count, if all are full
  double tiles = 0;     ///< walked by all of them
  double longest = 0;   ///< tiles walked by one
  double shortest = 0;  ///< the same

  void add(const Blocks& other, double times = 1);
};

/// Thread blocks of a kernel over `slices`, an entry for each stretch of rows: a block walks all
/// that its rows see, be it one slice or several that lie side by side (forward) or one below the
/// other (backward). Rows are queries forward and keys backward; stretches that only touch are of
/// two documents and share no block.
[[nodiscard]] std::vector<Blocks> blocks_of(std::span<const Slice> slices, int heads, Pass pass,
                                            const AttentionKernel& kernel);

}  // namespace hsap
