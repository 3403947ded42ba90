#pragma once

#include "hsap/runtime.hpp"
#include "simulate/traffic/machine.hpp"
#include "simulate/traffic/placement.hpp"
#include "simulate/traffic/traffic.hpp"

namespace hsap {

/// The thread blocks ("channels") that copy a message inside a node. NCCL shares them out evenly
/// among the ranks of a communicator, and gives a message twice as many as long as one would carry
/// more than 16 MiB. Where a communicator spans nodes its parts are small and all channels work.
class Channels {
 public:
  /// `folded`: the traffic is that of a few ranks that stand for all.
  Channels(const Machine& machine, const Runtime& runtime, const Traffic& traffic,
           const Placement& place, bool folded);

  /// No message of so many bytes inside a node is faster; infinite where nothing is known.
  [[nodiscard]] double bytes_per_s(double bytes) const;

 private:
  int fewest_ = 0;  ///< of one message; 0: no limit
  int most_ = 0;
  double one_bytes_per_s_ = 0;
};

}  // namespace hsap
