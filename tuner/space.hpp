#pragma once

#include <vector>

#include "hsap/strategy.hpp"
#include "hsap/tune.hpp"

namespace hsap {

/// Every point of the search space, illegal ones included, for groups of every size that divides
/// the cluster: each mesh U x C, order (where both dimensions exist), layout, exchange, and stages
/// (natural, then 1, 2 and 4). A mesh with C = 1 has one point: there is nothing to exchange.
/// With its natural stages p2p also comes in every order of transfers with either return of
/// gradients, with queries that travel where that is fewer bytes, and with split keys and values.
/// double_ring, hierarchical and NIC-balanced orders take the nodes as they are; where the shards
/// of a context group are all on one node, or each on another, they would be ring and p2p again and
/// are left out. Illegal points have their reason.
///
/// `problem` is that of the longest batch. Legality depends on the documents too: a point that is
/// legal here may be illegal for another batch, which its evaluation tells. `groups` is how many
/// ranks the cluster holds: GPUs over tensor parallelism; `node_ranks` are on each node.
[[nodiscard]] std::vector<Candidate> search_space(const Problem& problem, int groups,
                                                  int node_ranks, const TuneOptions& options);

}  // namespace hsap
