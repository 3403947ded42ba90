#pragma once

#include <array>
#include <functional>
#include <vector>

#include "validate/device/communicator.hpp"
#include "validate/gpu/rank.hpp"

namespace hsap::executor {

/// What one rank runs on: a device of its own, and a communicator for each stream that exchanges.
struct RankResources {
  device::Device& device;
  std::array<device::Communicator*, streams> communicators;  ///< by Stream; none for compute
};

struct RankExecution {
  std::vector<std::int64_t> bytes_sent;  ///< by receiver; messages to itself too
  std::int64_t buffer_bytes = 0;
  std::int64_t staging_bytes = 0;  ///< of messages whose rows do not lie in one piece
  std::vector<OperationTime> times;
};

/// Runs the program of one rank; the others run theirs elsewhere. Kernels run on a compute stream,
/// each exchange as one group of messages on the stream that the schedule gives it, collectives as
/// rings; streams wait for what the schedule's dependencies say and nothing else. Reads this rank's
/// inputs from `tensors` and writes its rows of the results there, which must have their shape
/// (host::make_room). `issued` hears of every operation before it is put on its stream.
/// Errors (infeasible): a failed call, with the operation; what the communicators report.
[[nodiscard]] Result<RankExecution> execute_rank(
    const Schedule& schedule, Rank rank, Tensors& tensors, const RankResources& on,
    const std::function<void(Index)>& issued = [](Index) {});

}  // namespace hsap::executor
