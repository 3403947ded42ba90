#pragma once

#include "validate/measure/stopwatch.hpp"

namespace hsap::measure {

/// What it costs a host thread to issue work, and streams to wait for each other.
struct HostCosts {
  /// A kernel with the events of an operation, as executors issue it: of attention, which has maps
  /// of its operands made each time, and of others in equal parts.
  double launch_s = 0;
  double stream_wait_s = 0;  ///< from the end of an operation to one on another stream
};

[[nodiscard]] Result<HostCosts> measure_host(device::Device& device, Stopwatch& watch,
                                             const Workspace& workspace, const Clock& clock);

}  // namespace hsap::measure
