#pragma once

#include <string>
#include <vector>

#include "cost/measurements/data.hpp"
#include "validate/device/communicator.hpp"
#include "validate/measure/measure.hpp"
#include "validate/world/world.hpp"

namespace hsap::measure {

/// How often ranks measure the same together.
inline constexpr int series = 5;

/// One process of several, each with a GPU of its own.
struct Peer {
  world::World& world;
  device::Device& device;
  device::Communicator& communicator;
  std::vector<int> nodes;  ///< by rank: ranks of one machine have the same number, from 0 on
};

/// Equal messages between these ranks, all begun at once.
struct Round {
  std::vector<fit::Transfer> transfers;
  double bytes = 0;  ///< of each message
};

/// Sizes from 64 KB to 256 MB of: one message and one in each direction, rings and all-to-all
/// inside the first node; the same between the first two nodes, from every GPU of a node to its
/// counterpart, and over all ranks. A ring is a step of what predictions take all-gathers and
/// reduce-scatters for. Large and small sizes come first, those between last; no rank sends or
/// receives more than `most_bytes`.
[[nodiscard]] std::vector<Round> rounds_of(const std::vector<int>& nodes, std::int64_t most_bytes);

struct TimedRounds {
  std::vector<Timed<Round>> rounds;
  int skipped = 0;  ///< for want of time
};

/// Every rank calls it with the same options. Calls follow each other without a pause, after one
/// that brings the ranks together; the slowest rank counts. Rank 0 gets the times. Errors: those of
/// the device, the communicator and the world.
[[nodiscard]] Result<TimedRounds> measure_rounds(const Peer& peer, const Options& options);

/// A table as `hsap-topo calibrate --transfers` reads it. `gpus` by rank: GPUs of the cluster.
[[nodiscard]] std::string transfers_csv(const TimedRounds& rounds, const std::vector<int>& gpus);

}  // namespace hsap::measure
