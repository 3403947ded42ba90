#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "hsap/execute.hpp"
#include "validate/device/communicator.hpp"
#include "validate/world/world.hpp"

namespace hsap::executor {

/// What a process of a distributed run brings: its device, and how its communicators come about.
struct RankMachine {
  device::Device& device;
  /// Asked at rank 0 once for each communicator; names it to the others.
  std::function<Result<std::string>()> make_id;
  std::function<Result<std::unique_ptr<device::Communicator>>(std::string_view id)> connect;
};

/// execute() with one process for each rank of `world`. Every process calls it with the same
/// schedule and inputs. Rank 0 gets the results and counts of all ranks; the others their own rows,
/// which are what the next pass needs there.
///
/// A rank that fails, is lost, or does not issue or end an operation within options.patience_s ends
/// the run in every process. Errors (infeasible): its report, with the operation in which it waits;
/// another number of processes than ranks (bad_input).
[[nodiscard]] Result<Execution> execute_in_world(const Schedule& schedule, Tensors& tensors,
                                                 world::World& world, const RankMachine& machine,
                                                 const ExecuteOptions& options);

}  // namespace hsap::executor
