#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hsap/override.hpp"
#include "hsap/status.hpp"

namespace hsap {

/// How a given implementation executes a schedule: a runtime profile. It changes when things
/// happen, never what is computed. File format: docs/runtime-format.md.
struct Runtime {
  /// When communication that is ready gets multiprocessors.
  enum class Entry : std::uint8_t {
    at_once,          ///< some are kept free for it, or it has priority
    between_kernels,  ///< not while an attention kernel fills the device: before it, or in its last
                      ///< wave. Backward begins with small kernels, so what waits then gets in
  };
  std::string name;
  std::string description;
  std::vector<std::string> sources;
  double host_launch_s = 0;    ///< host time to issue one kernel
  double host_exchange_s = 0;  ///< host time to issue one exchange or collective
  double host_transfer_s = 0;  ///< and for each transfer in it
  double host_call_s = 0;   ///< and for the call itself; calls follow each other, and the host runs
                            ///< ahead of the device: a call takes no less than its host time
  double host_layer_s = 0;  ///< host time to issue a layer but for its attention, both passes: no
                            ///< layer of a step takes less
  double host_experts_s = 0;     ///< and more of it where a layer has experts
  bool duplex = true;            ///< sends and receives of a pair are grouped and run at
                                 ///< once; otherwise the two directions take turns
  bool packs_transfers = false;  ///< rows or heads that are not contiguous are copied to a send
                                 ///< buffer before and from a receive buffer after
  int concurrent_peers = 8;      ///< transfers of one exchange that progress at once on a rank;
                                 ///< 0: all
  int message_channels = 0;  ///< most thread blocks that copy one message inside a node, as NCCL
                             ///< deals them out (docs/simulation.md); 0: no limit
  bool one_communication_stream = false;  ///< all communication of a rank shares one queue
  /// A communication stream waits for everything that was issued before it on the compute stream,
  /// as PyTorch orders them; otherwise for its dependencies only.
  bool stream_ordered = false;
  double stream_wait_s = 0;    ///< from the end of an operation to the begin of one that waits for
                               ///< it on another stream
  double kernel_slowdown = 0;  ///< attention takes 1 + this times as long as alone on one GPU of a
                               ///< node: all GPUs busy, clocks lower, the slowest of them counts
  bool separate_accumulation = false;  ///< attention kernels cannot add to dq, so a pass of its own
                                       ///< adds what they leave
  double merge_passes = 1;  ///< a merge of partial outputs passes over memory so many times what
                            ///< one kernel would: it is several kernels
  double sum_passes = 1;    ///< and sums of gradients: of parts and totals of different precision,
                            ///< kernels that convert reach a part of the bandwidth only
  int communication_multiprocessors = 0;  ///< taken by communication while it runs
  Entry entry = Entry::at_once;
  /// Speed of messages beside an attention kernel of `seconds` that fills the device:
  /// overlap_share x exp(-seconds / overlap_decay_s). A decay of 0 means none.
  double overlap_share = 1;
  double overlap_decay_s = 0;
  double tensor_parallel_overlap = 0;  ///< share of tensor-parallel collectives that hides behind
                                       ///< the matrix products beside them
  double communicator_bytes = 0;       ///< device memory for communication buffers, per rank
};

/// Reads runtimes/NAME.json or a path; overrides whose path starts with "runtime." apply.
[[nodiscard]] Result<Runtime> load_runtime(const std::string& name_or_path,
                                           std::span<const Override> overrides = {});

}  // namespace hsap
