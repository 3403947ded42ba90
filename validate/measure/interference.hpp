#pragma once

#include <optional>

#include "validate/measure/rounds.hpp"

namespace hsap::measure {

/// What communication and kernels take from each other, and what communication takes from the host.
struct Interference {
  /// Of attention on the slowest GPU while all work, against one alone.
  double kernel_slowdown = 0;
  double taken_share = 0;      ///< of a GPU's arithmetic while a message is under way beside it
  double overlap_share = 1;    ///< of its speed that a message keeps beside attention
  double host_exchange_s = 0;  ///< host time to issue an exchange
  double host_transfer_s = 0;  ///< and for each send or receive in it
};

/// A ring of messages inside the first node, or over all nodes where none has two ranks, with and
/// without attention kernels beside it. Every rank calls it; rank 0 gets the answer, and nothing
/// where there is only one rank. Errors: those of the device, the communicator and the world.
[[nodiscard]] Result<std::optional<Interference>> measure_interference(const Peer& peer,
                                                                       const Options& options);

}  // namespace hsap::measure
