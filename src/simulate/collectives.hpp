#pragma once

#include <vector>

#include "hsap/schedule.hpp"
#include "hsap/status.hpp"
#include "simulate/traffic.hpp"

namespace hsap {

/// Makes the collectives and the messages of their rings; returns the collective of each operation
/// of kind all_gather or reduce_scatter, in operation order.
///
/// Ring: every rank passes (n - 1) / n of the bytes on to the next one. Where the group spreads
/// evenly over nodes with g ranks each, g rings run side by side that enter and leave every node
/// at another rank, so that all NICs work, as NCCL arranges it: a rank then sends (g - 1) / g of
/// its part to its neighbour in the node and 1 / g to the same place in the next node.
[[nodiscard]] Result<std::vector<Index>> find_collectives(const Schedule& schedule,
                                                          int gpus_per_node, Traffic& traffic);

}  // namespace hsap
