#pragma once

#include <catch2/catch.hpp>
#include <map>

#include "hsap/predict.hpp"

/// Round machines and models whose figures can be worked out by hand.
namespace hsap::testing {

/// 1 PFLOP/s of matrix products, 2 in FP8, 1 TB/s of memory, 10 GB/s to the host's 1 TB, GPUs on an
/// NVSwitch at 100 GB/s each way, a NIC of 10 GB/s for each GPU, no latency.
inline ClusterSpec round_spec(int gpus) {
  using Kind = ClusterSpec::DeviceKind;
  ClusterSpec spec;
  spec.name = "round";
  Device& device = spec.device;
  device.memory_bytes = 1e12;
  device.memory_bandwidth_bytes_per_s = 1e12;
  device.peak_flop_per_s = 2e15;
  device.matmul_flop_per_s = 1e15;
  device.matmul_fp8_flop_per_s = 2e15;
  device.host_bandwidth_bytes_per_s = 10e9;
  spec.host_memory_bytes = 1e12;
  device.multiprocessors = 100;
  device.kernel_launch_s = 0;
  device.forward = {128, 128, 1e15, 0, 0};
  device.backward = {128, 128, 1e15, 0, 0};
  spec.curves[static_cast<int>(LinkClass::nvlink)].bandwidth_bytes_per_s = 100e9;
  spec.curves[static_cast<int>(LinkClass::pcie)].bandwidth_bytes_per_s = 50e9;
  spec.curves[static_cast<int>(LinkClass::nic)].bandwidth_bytes_per_s = 10e9;
  spec.curves[static_cast<int>(LinkClass::fabric)].bandwidth_bytes_per_s = 10e9;
  spec.devices.push_back({"nvswitch0", Kind::nvswitch});
  for (int g = 0; g < gpus; ++g) {
    const int at = static_cast<int>(spec.devices.size());
    spec.devices.push_back({"gpu" + std::to_string(g), Kind::gpu});
    spec.devices.push_back({"nic" + std::to_string(g), Kind::nic});
    spec.links.push_back({at, 0, LinkClass::nvlink, 1});
    spec.links.push_back({at, at + 1, LinkClass::pcie, 1});
  }
  return spec;
}

inline Cluster round_cluster(int nodes, int gpus_per_node) {
  Result<Cluster> cluster = Cluster::build(round_spec(gpus_per_node), nodes);
  if (!cluster) FAIL(cluster.error().text());
  return *std::move(cluster);
}

/// arXiv 2407.21783, table 3.
inline Model llama3_8b() {
  Model model;
  model.name = "llama3-8b";
  model.heads = {32, 8, 128};
  model.layers = 32;
  model.hidden = 4096;
  model.intermediate = 14336;
  model.vocabulary = 128256;
  return model;
}

inline std::map<std::string, double> named(const Breakdown& breakdown) {
  return {breakdown.begin(), breakdown.end()};
}

}  // namespace hsap::testing
