#include "hsap/runtime.hpp"

#include "base/files.hpp"
#include "base/names.hpp"
#include "cluster/read.hpp"

namespace hsap {
namespace {

Result<Runtime::Entry> parse_entry(const std::string& text) {
  constexpr std::string_view names[] = {"at_once", "between_kernels"};
  return parse_name<Runtime::Entry>(text, "way in for communication", names);
}

}  // namespace

Result<Runtime> read_runtime(json::Value root, const std::string& file,
                             std::span<const Override> overrides) {
  HSAP_CHECK(json::apply_overrides(root, overrides, "runtime"));
  json::Object from(root, file);
  Runtime runtime;
  from.schema("hsap.runtime/1");
  runtime.name = from.text("name");
  runtime.description = from.text("description");
  runtime.sources = from.texts("sources", 100);
  runtime.host_launch_s = from.number("host_launch_s", limits::seconds);
  runtime.host_exchange_s = from.number("host_exchange_s", limits::seconds);
  runtime.host_transfer_s = from.number("host_transfer_s", limits::seconds);
  runtime.host_call_s = from.number_or("host_call_s", 0, limits::seconds);
  runtime.host_layer_s = from.number_or("host_layer_s", 0, limits::seconds);
  runtime.host_experts_s = from.number_or("host_experts_s", 0, limits::seconds);
  runtime.duplex = from.boolean_or("duplex", true);
  runtime.packs_transfers = from.boolean_or("packs_transfers", false);
  runtime.concurrent_peers = static_cast<int>(from.integer("concurrent_peers", 0, 1 << 20));
  runtime.message_channels = static_cast<int>(from.integer_or("message_channels", 0, 0, 1024));
  runtime.one_communication_stream = from.boolean_or("one_communication_stream", false);
  runtime.stream_ordered = from.boolean_or("stream_ordered", false);
  runtime.stream_wait_s = from.number("stream_wait_s", limits::seconds);
  runtime.kernel_slowdown = from.number("kernel_slowdown", limits::share);
  runtime.separate_accumulation = from.boolean_or("separate_accumulation", false);
  runtime.merge_passes = from.number_or("merge_passes", 1, json::Limits{1, 100});
  runtime.sum_passes = from.number_or("sum_passes", 1, json::Limits{1, 100});
  runtime.communication_multiprocessors =
      static_cast<int>(from.integer("communication_multiprocessors", 0, 1024));
  runtime.entry = from.parsed("communication_enters", parse_entry);
  runtime.overlap_share = from.number("overlap_share", json::Limits{0, 1, true});
  runtime.overlap_decay_s = from.number_or("overlap_decay_s", 0, json::Limits{0, 1e3});
  runtime.tensor_parallel_overlap = from.number_or("tensor_parallel_overlap", 0, limits::share);
  runtime.communicator_bytes = from.number("communicator_bytes", json::Limits{0, 1e12});
  HSAP_CHECK(from.finish());
  return runtime;
}

Result<Runtime> load_runtime(const std::string& name_or_path, std::span<const Override> overrides) {
  HSAP_TRY(const std::string path, find_input("runtimes", name_or_path));
  HSAP_TRY(json::Value root, json::read(path));
  return read_runtime(std::move(root), path, overrides);
}

}  // namespace hsap
