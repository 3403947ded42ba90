#pragma once

#include <optional>
#include <string>

#include "apps/topo/measure_gpu.hpp"
#include "validate/measure/rounds.hpp"

/// `hsap-topo calibrate --gpu` with several processes, each with a GPU of its own.
namespace hsap::apps {

/// How the processes come about.
struct WorldFlags {
  int ranks = 0;           ///< to start on this machine; 0: whoever started this process knows
  std::string rendezvous;  ///< --rendezvous, or empty
};

/// What rank 0 has measured. The other ranks have nothing to tell.
struct WorldMeasured {
  measure::Measured device;  ///< of rank 0, alone
  measure::TimedRounds rounds;
  std::optional<measure::Interference> interference;
  std::vector<int> nodes;  ///< by rank
};

/// Whether this process is, or shall become, one of several.
[[nodiscard]] bool is_one_of_several(const WorldFlags& flags);

/// Takes part: rank 0 measures its GPU alone for half of the budget, then all send each other
/// messages, with kernels beside them first, for the other half. `begin` is called before anything
/// is measured, in rank 0 with the GPU that it has; its error ends all. Nothing in processes that
/// only took part, or that started the ranks. Errors: ranks that share a GPU, are lost or fail
/// (infeasible); a build without NCCL.
[[nodiscard]] Result<std::optional<WorldMeasured>> measure_world(
    const WorldFlags& flags, const std::vector<std::string>& command,
    const measure::Options& options, const Begin& begin);

}  // namespace hsap::apps
