#pragma once

#include <vector>

#include "cli/options.hpp"
#include "hsap/strategy.hpp"

namespace hsap::cli {

/// Whether any strategy flag holds a list or "all".
[[nodiscard]] bool is_sweep(const StrategyOptions& options);

/// What degrees divide: GPUs, taken together by tensor parallelism, which divides those of a node.
struct Gpus {
  int all = 1;  ///< of a pipeline stage
  int per_node = 1;
  int per_rank = 1;  ///< T

  [[nodiscard]] int ranks() const { return all / per_rank; }
  [[nodiscard]] int node_ranks() const { return per_node / per_rank; }
};

/// The strategies that the flags name: one, or their product in the order of the flags (Ulysses
/// slowest).
///
/// A degree that is left out follows from the ranks R = GPUs / T: only U given means C = R / U,
/// only C given U = R / C, neither C = R. "all" means every divisor of R. Degrees whose product
/// does not divide R are an error, except for those that a sweep makes up by combining, which it
/// leaves out. An inner degree that is left out is that of the nodes. Errors name the flag.
[[nodiscard]] Result<std::vector<Strategy>> read_strategies(const StrategyOptions& options,
                                                            const Gpus& gpus);

}  // namespace hsap::cli
