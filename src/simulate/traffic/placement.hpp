#pragma once

#include <vector>

#include "hsap/cluster.hpp"
#include "hsap/schedule.hpp"
#include "simulate/traffic/machine.hpp"
#include "simulate/traffic/traffic.hpp"

namespace hsap {

/// Where the ranks of each copy of the group sit: `slices` copies are interleaved, so that they
/// share the places of a rank, and the next ones follow.
struct Placement {
  Rank ranks = 1;
  int replicas = 1;
  int slices = 1;  ///< tensor-parallel GPUs
  int told = 0;    ///< the copy that is told about

  [[nodiscard]] int copies() const { return replicas * slices; }
  [[nodiscard]] int gpu(int copy, Rank rank) const {
    return (copy / slices * ranks + rank) * slices + copy % slices;
  }
};

/// The first of each kind of `replicas` groups of consecutive GPUs: those of a kind lie alike
/// across the borders of nodes and leaves. GPUs of a node are taken to be alike.
[[nodiscard]] std::vector<int> unlike_replicas(const Cluster& cluster, int group_gpus,
                                               int replicas);

/// The copies that can slow down the one told about, which they begin with: they share a link with
/// it, or with a copy that does.
[[nodiscard]] std::vector<int> coupled_copies(const Machine& machine, const Traffic& traffic,
                                              const Placement& placement);

}  // namespace hsap
