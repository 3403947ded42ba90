#pragma once

#include <vector>

#include "hsap/strategy.hpp"
#include "hsap/tune.hpp"

namespace hsap {

/// Every point of the search space, illegal ones included, for groups of every size that divides
/// the cluster: each mesh U x C, order (where both dimensions exist), layout, exchange, and stages
/// (natural, then 1, 2 and 4). A mesh with C = 1 has one point: there is nothing to exchange.
/// Illegal points have their reason.
///
/// `problem` is that of the longest batch; legality does not depend on the documents. `groups` is
/// how many ranks the cluster holds: GPUs over tensor parallelism.
[[nodiscard]] std::vector<Candidate> search_space(const Problem& problem, int groups,
                                                  const TuneOptions& options);

}  // namespace hsap
