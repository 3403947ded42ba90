#include "export/json/runtime.hpp"

namespace hsap {

json::Ordered to_json(const Runtime& runtime) {
  const bool at_once = runtime.entry == Runtime::Entry::at_once;
  return {{"schema", "hsap.runtime/1"},
          {"name", runtime.name},
          {"description", runtime.description},
          {"sources", runtime.sources},
          {"host_launch_s", runtime.host_launch_s},
          {"host_exchange_s", runtime.host_exchange_s},
          {"host_transfer_s", runtime.host_transfer_s},
          {"host_call_s", runtime.host_call_s},
          {"host_layer_s", runtime.host_layer_s},
          {"host_experts_s", runtime.host_experts_s},
          {"duplex", runtime.duplex},
          {"packs_transfers", runtime.packs_transfers},
          {"concurrent_peers", runtime.concurrent_peers},
          {"message_channels", runtime.message_channels},
          {"one_communication_stream", runtime.one_communication_stream},
          {"stream_ordered", runtime.stream_ordered},
          {"stream_wait_s", runtime.stream_wait_s},
          {"kernel_slowdown", runtime.kernel_slowdown},
          {"separate_accumulation", runtime.separate_accumulation},
          {"merge_passes", runtime.merge_passes},
          {"sum_passes", runtime.sum_passes},
          {"communication_multiprocessors", runtime.communication_multiprocessors},
          {"communication_enters", at_once ? "at_once" : "between_kernels"},
          {"overlap_share", runtime.overlap_share},
          {"overlap_decay_s", runtime.overlap_decay_s},
          {"tensor_parallel_overlap", runtime.tensor_parallel_overlap},
          {"communicator_bytes", runtime.communicator_bytes}};
}

}  // namespace hsap
