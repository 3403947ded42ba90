#include <fmt/format.h>

#include <algorithm>

#include "base/files.hpp"
#include "cluster/names.hpp"
#include "cluster/node_reader.hpp"
#include "cluster/read.hpp"
#include "hsap/cluster.hpp"

namespace hsap {
namespace {

AttentionKernel read_kernel(json::Object from) {
  AttentionKernel kernel;
  kernel.tile_query = static_cast<int>(from.integer("tile_query", 1, 4096));
  kernel.tile_key = static_cast<int>(from.integer("tile_key", 1, 4096));
  kernel.flop_per_s = from.number("flop_per_s", json::positive);
  kernel.block_overhead_s = from.number("block_overhead_s", limits::seconds);
  kernel.launch_s = from.number("launch_s", limits::seconds);
  kernel.lone_block_rate = from.number_or("lone_block_rate", 1, json::Limits{0.01, 1});
  kernel.fixed_share = from.number_or("fixed_share", 0, limits::share);
  kernel.splits_keys = from.boolean_or("splits_keys", false);
  kernel.longest_first = from.boolean_or("longest_first", true);
  kernel.by_head = from.boolean_or("by_head", false);
  kernel.ragged_slowdown = from.number_or("ragged_slowdown", 0, json::Limits{0, 10});
  kernel.overhead_row_share = from.number_or("overhead_row_share", 0, limits::share);
  from.done();
  return kernel;
}

Device read_device(json::Object from) {
  Device device;
  device.name = from.text("name");
  device.memory_bytes = from.number("memory_bytes", json::positive);
  device.memory_bandwidth_bytes_per_s = from.number("memory_bandwidth_bytes_per_s", json::positive);
  device.peak_flop_per_s = from.number("peak_flop_per_s", json::positive);
  device.matmul_flop_per_s = from.number("matmul_flop_per_s", json::positive);
  device.matmul_fp8_flop_per_s = from.number_or("matmul_fp8_flop_per_s", 0, json::not_negative);
  device.host_bandwidth_bytes_per_s =
      from.number_or("host_bandwidth_bytes_per_s", 0, json::not_negative);
  if (device.host_bandwidth_bytes_per_s > 0 && device.host_bandwidth_bytes_per_s < 1e6) {
    from.fail("host_bandwidth_bytes_per_s", "slower than any link",
              fmt::format("{:g}", device.host_bandwidth_bytes_per_s), "0, or at least 1e6");
  }
  device.multiprocessors = static_cast<int>(from.integer("multiprocessors", 1, 100000));
  device.kernel_launch_s =
      from.number_or("kernel_launch_s", device.kernel_launch_s, limits::seconds);
  device.channel_bytes_per_s = from.number_or("channel_bytes_per_s", 0, json::not_negative);
  device.forward = read_kernel(from.object("forward"));
  device.backward = read_kernel(from.object("backward"));
  from.done();
  return device;
}

void read_curves(json::Object& root, ClusterSpec& spec) {
  for (int c = 0; c < link_classes; ++c) {
    const std::string name(to_string(static_cast<LinkClass>(c)));
    if (!root.has(name)) continue;
    json::Object from = root.object(name);
    LinkCurve& curve = spec.curves[c];
    if (static_cast<LinkClass>(c) != LinkClass::fabric) {
      curve.bandwidth_bytes_per_s = from.number("bandwidth_bytes_per_s", json::positive);
    }
    curve.latency_s = from.number("latency_s", limits::seconds);
    curve.ramp_bytes = from.number("ramp_bytes", json::Limits{0, 1e12});
    from.done();
  }
}

/// How nodes are joined; without "network" the machine stands alone.
void read_network(json::Object& root, ClusterSpec& spec) {
  if (!root.has("network")) {
    spec.max_nodes = 1;
    return;
  }
  json::Object from = root.object("network");
  spec.rails = from.boolean_or("rails", true);
  spec.nodes_per_leaf = static_cast<int>(from.integer("nodes_per_leaf", 1, max_cluster_gpus));
  spec.oversubscription = from.number("oversubscription", json::Limits{0.001, 1000});
  spec.node_bandwidth_bytes_per_s =
      from.number_or("node_bandwidth_bytes_per_s", 0, json::not_negative);
  spec.max_nodes = static_cast<int>(from.integer_or("max_nodes", 0, 0, max_cluster_gpus));
  from.done();
  const LinkCurve& nic = spec.curves[static_cast<int>(LinkClass::nic)];
  const bool has_nic = std::any_of(spec.devices.begin(), spec.devices.end(), [](const auto& d) {
    return d.kind == ClusterSpec::DeviceKind::nic;
  });
  if (!has_nic) root.fail("network", "a network without NICs", "no 'nic' in /node/devices");
  if (nic.bandwidth_bytes_per_s == 0) root.fail("nic", "missing key", "nothing", "'nic'");
  if (root.has("fabric")) {
    spec.curves[static_cast<int>(LinkClass::fabric)].bandwidth_bytes_per_s =
        nic.bandwidth_bytes_per_s / spec.oversubscription;
  }
}

void read_range(json::Object& from, const std::string& key,
                std::optional<ClusterSpec::Calibrated::Range>& range) {
  if (!from.has(key)) return;
  const std::vector<std::int64_t> ends = from.integers(key, 2, 1, std::int64_t{1} << 50);
  if (ends.size() == 2 && ends[0] <= ends[1]) {
    range = {static_cast<double>(ends[0]), static_cast<double>(ends[1])};
  } else {
    from.fail(key, "no range", fmt::format("{} numbers", ends.size()), "[least, most]");
  }
}

void read_calibrated(json::Object& root, ClusterSpec::Calibrated& known) {
  if (!root.has("calibrated")) return;
  json::Object from = root.object("calibrated");
  read_range(from, "tokens", known.tokens);
  read_range(from, "heads", known.heads);
  read_range(from, "head_dim", known.head_dim);
  read_range(from, "node_message_bytes", known.node_message_bytes);
  read_range(from, "network_message_bytes", known.network_message_bytes);
  read_range(from, "nodes", known.nodes);
  from.done();
}

bool belongs_elsewhere(const Override& change) {
  return change.path.starts_with("model.") || change.path.starts_with("runtime.");
}

}  // namespace

int ClusterSpec::gpus_per_node() const {
  return static_cast<int>(std::count_if(devices.begin(), devices.end(),
                                        [](const auto& d) { return d.kind == DeviceKind::gpu; }));
}

Result<ClusterSpec> read_cluster(json::Value root, const std::string& file,
                                 std::span<const Override> overrides) {
  for (const Override& change : overrides) {
    if (belongs_elsewhere(change)) continue;
    HSAP_CHECK(json::override_value(root, change.path, change.value));
  }
  json::Object from(root, file);
  ClusterSpec spec;
  spec.file = file;
  from.schema("hsap.cluster/1");
  spec.name = from.text("name");
  spec.description = from.text("description");
  spec.sources = from.texts("sources", 100);
  spec.device = read_device(from.object("device"));
  read_curves(from, spec);
  read_node(from, spec);
  read_network(from, spec);
  read_calibrated(from, spec.calibrated);
  HSAP_CHECK(from.finish());
  return spec;
}

Result<ClusterSpec> load_cluster(const std::string& name_or_path,
                                 std::span<const Override> overrides) {
  HSAP_TRY(const std::string path, find_input("topologies", name_or_path));
  HSAP_TRY(json::Value root, json::read(path));
  return read_cluster(std::move(root), path, overrides);
}

}  // namespace hsap
