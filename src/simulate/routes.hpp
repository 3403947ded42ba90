#pragma once

#include <vector>

#include "hsap/cluster.hpp"
#include "hsap/schedule.hpp"
#include "simulate/machine.hpp"
#include "simulate/traffic.hpp"

namespace hsap {

/// The ways of all channels, for each copy of the group that is simulated.
struct Routes {
  std::vector<int> copies;    ///< numbers of the copies, the first is 0
  std::vector<Route> routes;  ///< by copy, then channel
  std::vector<LinkId> like;   ///< links that stand for others (Symmetry)
};

/// Where the ranks of each copy of the group sit: `slices` copies are interleaved, so that they
/// share the places of a rank, and the next ones follow.
struct Placement {
  Rank ranks = 1;
  int replicas = 1;
  int slices = 1;  ///< tensor-parallel GPUs

  [[nodiscard]] int copies() const { return replicas * slices; }
  [[nodiscard]] int gpu(int copy, Rank rank) const {
    return (copy / slices * ranks + rank) * slices + copy % slices;
  }
};

/// Looks up all routes. Of all copies those are kept that can slow down the first one: they share
/// a link with it, or with a copy that does.
[[nodiscard]] Routes find_routes(const Machine& machine, const Traffic& traffic,
                                 const Placement& placement);

}  // namespace hsap
