#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "validate/gpu/messages.hpp"

namespace hsap::executor {

/// What one rank runs on: a device of its own, a communicator for each stream that exchanges
/// messages, and one for each group whose collectives are done at once.
struct RankResources {
  device::Device& device;
  std::array<device::Communicator*, streams> communicators;  ///< by Stream; none for compute
  std::map<GroupOnStream, device::Communicator*> groups;
  AtOnce at_once = AtOnce::gathers;
  int repeats = 1;     ///< all ranks the same; times are medians
  bool graph = false;  ///< likewise: repeats are runs of one graph of all operations
};

struct RankExecution {
  std::vector<std::int64_t> bytes_sent;  ///< by receiver; messages to itself too
  std::int64_t buffer_bytes = 0;
  /// From when its neighbours were ready too. Of communication: until all its messages have gone
  /// and come, so waits for other ranks are in it.
  std::vector<OperationTime> times;
  std::vector<double> run_s;  ///< by repeat: until the last operation ended
};

/// Hears of every operation before it is put on its stream, and of none before each run of a graph.
using Issued = std::function<void(std::optional<Index>)>;

/// Runs the program of one rank; the others run theirs elsewhere. Ranks that exchange anything
/// first greet each other: NCCL connects two ranks at their first message and the host waits for
/// that, in whatever order it comes. Kernels run on a compute stream, each exchange as one group of
/// messages on the stream that the schedule gives it, collectives as those of their groups or as
/// rings; streams wait for what the schedule's dependencies say and nothing else. Reads this rank's
/// inputs from `tensors` and writes its rows of the results there, which must have their shape
/// (host::make_room). With a graph, operations are first issued once, which is no repeat: that
/// loads code and connects ranks, as a capture must not. Errors (infeasible): a failed call, with
/// the operation or the graph; what the communicators report.
[[nodiscard]] Result<RankExecution> execute_rank(
    const Schedule& schedule, Rank rank, Tensors& tensors, const RankResources& on,
    const Issued& issued = [](std::optional<Index>) {});

}  // namespace hsap::executor
