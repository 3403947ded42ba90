#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "cluster/read.hpp"
#include "hsap/cluster.hpp"

namespace hsap::test {

/// A machine with round numbers: two sockets, each with a PCIe switch, a GPU and a NIC; NVLink
/// joins the GPUs.
///   nvlink 100 GB/s 1 us, pcie 10 GB/s 2 us, socket 8 GB/s 4 us, nic 5 GB/s 8 us, fabric 16 us
inline json::Value toy_json() {
  return json::Value::parse(R"({
    "schema": "hsap.cluster/1", "name": "toy", "description": "", "sources": [],
    "device": {
      "name": "toy GPU", "memory_bytes": 1e9, "memory_bandwidth_bytes_per_s": 1e12,
      "peak_flop_per_s": 1e12, "matmul_flop_per_s": 1e12, "multiprocessors": 10,
      "forward": {"tile_query": 128, "tile_key": 128, "flop_per_s": 1e12, "block_overhead_s": 0,
                  "launch_s": 0},
      "backward": {"tile_query": 128, "tile_key": 128, "flop_per_s": 1e12, "block_overhead_s": 0,
                   "launch_s": 0}
    },
    "nvlink": {"bandwidth_bytes_per_s": 100e9, "latency_s": 1e-6, "ramp_bytes": 1000},
    "pcie": {"bandwidth_bytes_per_s": 10e9, "latency_s": 2e-6, "ramp_bytes": 0},
    "socket": {"bandwidth_bytes_per_s": 8e9, "latency_s": 4e-6, "ramp_bytes": 0},
    "nic": {"bandwidth_bytes_per_s": 5e9, "latency_s": 8e-6, "ramp_bytes": 300},
    "fabric": {"latency_s": 16e-6, "ramp_bytes": 50},
    "node": {
      "devices": {"gpu": 2, "nvswitch": 1, "pcie_switch": 2, "cpu": 2, "nic": 2},
      "links": [
        ["gpu[0-1]", "nvswitch0", "nvlink"],
        ["gpu[0-1]", "pcie_switch[0-1]", "pcie"],
        ["nic[0-1]", "pcie_switch[0-1]", "pcie"],
        ["pcie_switch[0-1]", "cpu[0-1]", "pcie"],
        ["cpu0", "cpu1", "socket"]
      ]
    },
    "network": {"rails": true, "nodes_per_leaf": 2, "oversubscription": 1, "max_nodes": 0}
  })");
}

inline ClusterSpec read_ok(const json::Value& value, std::span<const Override> overrides = {}) {
  Result<ClusterSpec> spec = read_cluster(value, "toy.json", overrides);
  if (!spec) FAIL(spec.error().text());
  return *std::move(spec);
}

inline Cluster build_ok(const ClusterSpec& spec, int nodes) {
  Result<Cluster> cluster = Cluster::build(spec, nodes);
  if (!cluster) FAIL(cluster.error().text());
  return *std::move(cluster);
}

inline Cluster shipped(const std::string& name, int nodes,
                       std::span<const Override> overrides = {}) {
  const Result<ClusterSpec> spec = load_cluster(name, overrides);
  if (!spec) FAIL(spec.error().text());
  return build_ok(*spec, nodes);
}

using Names = std::vector<std::string>;

inline Names names(const Cluster& cluster, int from, int to) {
  Names out;
  for (const LinkId link : cluster.route(from, to).links) out.push_back(cluster.link_name(link));
  return out;
}

}  // namespace hsap::test
