#pragma once

#include <span>
#include <string>
#include <vector>

#include "hsap/override.hpp"
#include "hsap/status.hpp"

namespace hsap {

/// How a given implementation executes a schedule: a runtime profile. It changes when things
/// happen, never what is computed. File format: docs/runtime-format.md.
struct Runtime {
  std::string name;
  std::string description;
  std::vector<std::string> sources;
  double host_launch_s = 0;      ///< host time to issue one kernel
  double host_exchange_s = 0;    ///< host time to issue one exchange or collective
  double host_transfer_s = 0;    ///< and for each transfer in it
  bool duplex = true;            ///< sends and receives of an exchange are grouped and run at
                                 ///< once; otherwise the two directions take turns
  bool packs_transfers = false;  ///< rows or heads that are not contiguous are copied to a send
                                 ///< buffer before and from a receive buffer after
  int concurrent_peers = 8;      ///< transfers of one exchange that progress at once on a rank;
                                 ///< 0: all
  bool one_communication_stream = false;  ///< all communication of a rank shares one queue
  /// Share of the overlapped time that is lost, by pass: while computation and communication run
  /// together on a rank each proceeds at 1 / (1 + interference). 0: perfect overlap, 1: none.
  double interference_forward = 0;
  double interference_backward = 0;
  double communicator_bytes = 0;  ///< device memory for communication buffers, per rank
};

/// Reads runtimes/NAME.json or a path; overrides whose path starts with "runtime." apply.
[[nodiscard]] Result<Runtime> load_runtime(const std::string& name_or_path,
                                           std::span<const Override> overrides = {});

}  // namespace hsap
