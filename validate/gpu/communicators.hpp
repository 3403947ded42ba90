#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "validate/gpu/messages.hpp"
#include "validate/world/world.hpp"

namespace hsap::executor {

/// How the communicators of a run come about.
struct CommunicatorMaker {
  /// Asked at rank 0 once for each communicator; names it to the others.
  std::function<Result<std::string>()> make_id;
  /// This rank is number `rank` of `ranks`.
  std::function<Result<std::unique_ptr<device::Communicator>>(std::string_view id, Rank rank,
                                                              int ranks)>
      connect;
};

/// Which ranks share communicators for the messages of a stream: all of them, or those of each node
/// where no message leaves its node; none where there are no messages. `nodes` by rank. NCCL gives
/// two GPUs of a node as few channels as the slowest pair of their communicator.
[[nodiscard]] std::vector<std::vector<Rank>> communicator_ranks(const Schedule& schedule,
                                                                Stream stream,
                                                                std::span<const int> nodes,
                                                                AtOnce at_once);

/// Groups whose collectives are done at once, in order.
[[nodiscard]] std::set<GroupOnStream> groups_at_once(const Schedule& schedule, AtOnce at_once);

/// Streams on which ranks communicate. What a rank has on one of them follows each other, so that
/// so many of its communicators are at work at the same time.
[[nodiscard]] int communicating_streams(const Schedule& schedule);

/// Thread blocks of each communicator, one to a multiprocessor, so that those of all `streams` find
/// room on so many. A power of two: NCCL rounds its channels for messages up to one.
[[nodiscard]] int blocks_of_communicator(int multiprocessors, int streams);

/// What one rank takes part in.
struct Communicators {
  std::array<std::unique_ptr<device::Communicator>, streams> by_stream;  ///< null where it has none
  std::map<GroupOnStream, std::unique_ptr<device::Communicator>> groups;

  template <typename Use>
  void for_each(Use use) const {
    for (const auto& each : by_stream) {
      if (each) use(*each);
    }
    for (const auto& [at, each] : groups) use(*each);
  }
  /// Aborts all at the same time. One after the other they could wait for ever: to end one, NCCL
  /// may wait for the whole device, where messages of the next one still hang.
  void abort() const;
};

/// Called by all processes of the world. Errors: what `maker` says, in every process.
[[nodiscard]] Result<Communicators> connect(const Schedule& schedule, world::World& world,
                                            std::span<const int> nodes, AtOnce at_once,
                                            const CommunicatorMaker& maker);

}  // namespace hsap::executor
