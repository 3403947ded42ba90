#pragma once

#include "hsap/schedule.hpp"
#include "hsap/status.hpp"
#include "simulate/traffic/traffic.hpp"

namespace hsap {

/// Makes the collectives and the messages of their rings. No rank with one stands for another.
///
/// Ring: every rank passes (n - 1) / n of the bytes on to the next one. Where the group spreads
/// evenly over nodes with g ranks each, g rings run side by side that enter and leave every node
/// at another rank, so that all NICs work, as NCCL arranges it: a rank then sends (g - 1) / g of
/// its part to its neighbour in the node and 1 / g to the same place in the next node.
///
/// All-reduce: a reduce_scatter whose result is all that the next all_gather of the same buffers
/// waits for. Both run as one around the ring, or in the switches of the nodes where that takes
/// less of NVLink: a rank then sends its whole to be added up and 1 / g of the sum to be spread,
/// and 1 / g goes up and down a tree of nodes.
[[nodiscard]] Status find_collectives(const Schedule& schedule, const NodeShape& node,
                                      Traffic& traffic);

}  // namespace hsap
