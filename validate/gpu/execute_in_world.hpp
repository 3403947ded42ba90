#pragma once

#include <vector>

#include "hsap/execute.hpp"
#include "validate/gpu/communicators.hpp"
#include "validate/world/world.hpp"

namespace hsap::executor {

/// What a process of a distributed run brings.
struct RankMachine {
  device::Device& device;
  std::vector<int> nodes;  ///< by rank: ranks of a node have the same number
  CommunicatorMaker communicators;
  AtOnce at_once = AtOnce::gathers;
  int repeats = 1;     ///< times are medians
  bool graph = false;  ///< repeats are runs of one graph of all operations
  /// Whether rank 0 gets the results of all ranks. All ranks have the same.
  bool gathers_results = true;
};

/// execute() with one process for each rank of `world`. Every process calls it with the same
/// schedule and inputs. Rank 0 gets the results, counts and times of all ranks, and of each
/// repeat the time of the slowest; the others, and rank 0 where results are not gathered, their own
/// rows, which are what the next pass needs there. Results in `tensors` mean nothing after an
/// error.
///
/// A rank that fails, is lost, or does not issue or end an operation within options.patience_s ends
/// the run in every process. Errors (infeasible): its report, with the operation or the graph in
/// which it waits; another number of processes than ranks (bad_input).
[[nodiscard]] Result<Execution> execute_in_world(const Schedule& schedule, Tensors& tensors,
                                                 world::World& world, const RankMachine& machine,
                                                 const ExecuteOptions& options);

}  // namespace hsap::executor
