#include "export/json/cluster.hpp"

#include <algorithm>
#include <string>

#include "cluster/names.hpp"

namespace hsap {
namespace {

using json::Ordered;

Ordered kernel_json(const AttentionKernel& kernel) {
  return {{"tile_query", kernel.tile_query},
          {"tile_key", kernel.tile_key},
          {"flop_per_s", kernel.flop_per_s},
          {"block_overhead_s", kernel.block_overhead_s},
          {"launch_s", kernel.launch_s},
          {"lone_block_rate", kernel.lone_block_rate},
          {"fixed_share", kernel.fixed_share},
          {"splits_keys", kernel.splits_keys},
          {"longest_first", kernel.longest_first},
          {"by_head", kernel.by_head},
          {"ragged_slowdown", kernel.ragged_slowdown},
          {"overhead_row_share", kernel.overhead_row_share}};
}

Ordered device_json(const Device& device) {
  return {{"name", device.name},
          {"memory_bytes", device.memory_bytes},
          {"memory_bandwidth_bytes_per_s", device.memory_bandwidth_bytes_per_s},
          {"peak_flop_per_s", device.peak_flop_per_s},
          {"matmul_flop_per_s", device.matmul_flop_per_s},
          {"matmul_fp8_flop_per_s", device.matmul_fp8_flop_per_s},
          {"host_bandwidth_bytes_per_s", device.host_bandwidth_bytes_per_s},
          {"multiprocessors", device.multiprocessors},
          {"kernel_launch_s", device.kernel_launch_s},
          {"channel_bytes_per_s", device.channel_bytes_per_s},
          {"forward", kernel_json(device.forward)},
          {"backward", kernel_json(device.backward)}};
}

void add_curves(const ClusterSpec& spec, Ordered& out) {
  for (int c = 0; c < link_classes; ++c) {
    const LinkCurve& curve = spec.curves[c];
    if (curve.bandwidth_bytes_per_s == 0) continue;
    const auto link_class = static_cast<LinkClass>(c);
    Ordered& numbers = out[std::string(to_string(link_class))];
    // Of the fabric the file gives no bandwidth: it follows from the NICs and oversubscription.
    if (link_class != LinkClass::fabric) {
      numbers["bandwidth_bytes_per_s"] = curve.bandwidth_bytes_per_s;
    }
    numbers["latency_s"] = curve.latency_s;
    numbers["ramp_bytes"] = curve.ramp_bytes;
  }
}

Ordered node_json(const ClusterSpec& spec) {
  Ordered devices;
  for (const ClusterSpec::NodeDevice& device : spec.devices) {
    Ordered& count = devices[std::string(to_string(device.kind))];
    count = count.is_null() ? 1 : count.get<int>() + 1;
  }
  Ordered links = Ordered::array();
  for (const ClusterSpec::NodeLink& link : spec.links) {
    links.push_back(Ordered::array({spec.devices[static_cast<std::size_t>(link.from)].name,
                                    spec.devices[static_cast<std::size_t>(link.to)].name,
                                    to_string(link.link_class), link.count}));
  }
  Ordered node{{"devices", std::move(devices)}, {"links", std::move(links)}};
  if (spec.host_memory_bytes > 0) node["host_memory_bytes"] = spec.host_memory_bytes;
  if (spec.in_switch > 0) node["in_switch"] = spec.in_switch;
  return node;
}

Ordered calibrated_json(const ClusterSpec::Calibrated& known) {
  Ordered out = Ordered::object();
  const auto add = [&](const char* key, const auto& range) {
    if (range) {
      out[key] = {static_cast<std::int64_t>(range->low), static_cast<std::int64_t>(range->high)};
    }
  };
  add("tokens", known.tokens);
  add("heads", known.heads);
  add("head_dim", known.head_dim);
  add("node_message_bytes", known.node_message_bytes);
  add("network_message_bytes", known.network_message_bytes);
  add("nodes", known.nodes);
  return out;
}

bool has_network(const ClusterSpec& spec) {
  return spec.max_nodes != 1 &&
         std::any_of(spec.devices.begin(), spec.devices.end(), [](const auto& device) {
           return device.kind == ClusterSpec::DeviceKind::nic;
         });
}

}  // namespace

json::Ordered to_json(const ClusterSpec& spec) {
  Ordered out;
  out["schema"] = "hsap.cluster/1";
  out["name"] = spec.name;
  out["description"] = spec.description;
  out["sources"] = spec.sources;
  out["device"] = device_json(spec.device);
  add_curves(spec, out);
  out["node"] = node_json(spec);
  if (has_network(spec)) {
    out["network"] = {{"rails", spec.rails},
                      {"nodes_per_leaf", spec.nodes_per_leaf},
                      {"oversubscription", spec.oversubscription},
                      {"node_bandwidth_bytes_per_s", spec.node_bandwidth_bytes_per_s},
                      {"max_nodes", spec.max_nodes}};
  }
  Ordered calibrated = calibrated_json(spec.calibrated);
  if (!calibrated.empty()) out["calibrated"] = std::move(calibrated);
  return out;
}

}  // namespace hsap
