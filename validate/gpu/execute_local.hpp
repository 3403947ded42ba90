#pragma once

#include <vector>

#include "hsap/execute.hpp"
#include "validate/device/device.hpp"

namespace hsap::executor {

struct LocalOptions {
  /// All work on one stream, one operation after the other: the times of operations are then those
  /// of the kernels alone. Otherwise every rank has its streams, and they share the device.
  bool serialise = false;
  int repeats = 1;     ///< several come after a first run that is none: it loads code
  bool graph = false;  ///< repeats, also a single one, are runs of one graph of all work
};

/// Runs all ranks of a schedule in this process on one device: each rank has buffers and streams of
/// its own, messages are copies. Reads and writes `tensors` like execute(), and leaves them as they
/// were when it fails.
/// Errors (infeasible): ranks that wait for each other, with who waits in what operation; a failed
/// call of the device, with the operation; a problem that its kernels do not take.
[[nodiscard]] Result<Execution> execute_local(const Schedule& schedule, Tensors& tensors,
                                              device::Device& device,
                                              const LocalOptions& options = {});

}  // namespace hsap::executor
