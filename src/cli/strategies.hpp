#pragma once

#include <vector>

#include "cli/options.hpp"
#include "hsap/strategy.hpp"

namespace hsap::cli {

/// Whether any strategy flag holds a list or "all".
[[nodiscard]] bool is_sweep(const StrategyOptions& options);

/// The strategies that the flags name: one, or their product in the order of the flags (Ulysses
/// slowest).
///
/// A degree that is left out follows from the GPU count G: only U given means C = G / U, only C
/// given U = G / C, neither C = G. "all" means every divisor of G. Degrees whose product does not
/// divide G are an error, except for those that a sweep makes up by combining, which it leaves
/// out. An inner degree that is left out is that of nodes of `node_ranks` ranks. Errors name the
/// flag.
[[nodiscard]] Result<std::vector<Strategy>> read_strategies(const StrategyOptions& options,
                                                            int gpus, int node_ranks);

}  // namespace hsap::cli
