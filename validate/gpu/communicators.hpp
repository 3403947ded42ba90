#pragma once

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hsap/schedule.hpp"
#include "validate/device/communicator.hpp"
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

/// Which ranks share communicators for a stream: all of them, or those of each node where no
/// message of the stream leaves its node; none where there are no messages. `nodes` by rank. NCCL
/// gives two GPUs of a node as few channels as the slowest pair of their communicator.
[[nodiscard]] std::vector<std::vector<Rank>> communicator_ranks(const Schedule& schedule,
                                                                Stream stream,
                                                                std::span<const int> nodes);

/// By Stream; null where this rank has none.
using Communicators = std::array<std::unique_ptr<device::Communicator>, streams>;

/// Called by all processes of the world. Errors: what `maker` says, in every process.
[[nodiscard]] Result<Communicators> connect(const Schedule& schedule, world::World& world,
                                            std::span<const int> nodes,
                                            const CommunicatorMaker& maker);

}  // namespace hsap::executor
