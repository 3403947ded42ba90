#pragma once

#include <optional>
#include <string>
#include <string_view>

/// What NCCL plans with, and what is known of GPUs by number. Bytes per second, one direction.
/// Source of the rates: NVIDIA/nccl src/graph/topo.h and topo.cc; of PCI ids: pci.ids.
namespace hsap::topo {

/// A compute capability. Later ones than the table knows count as the last before them.
struct Generation {
  int sm = 0;
  double nvlink_bytes_per_s = 0;  ///< one link
  int nvlinks = 0;                ///< of one GPU, when it is built for NVSwitch
  int pcie = 0;                   ///< generation of PCIe
  const char* cluster = "";       ///< shipped cluster whose GPU is nearest
  bool measured = false;          ///< that cluster's GPU is of this generation
};
[[nodiscard]] const Generation& generation(int sm);

/// A GPU by its PCI id.
struct GpuModel {
  const char* chip = "";  ///< "10de:2330"
  const char* name = "";
  int sm = 0;
  double memory_bytes = 0;
  int nvlinks = 0;           ///< to NVSwitches, where it sits on a board with them
  const char* cluster = "";  ///< shipped cluster with this very GPU; empty when none
};
/// Null for a chip that is not known.
[[nodiscard]] const GpuModel* gpu_model(const std::string& chip);

/// x16, by generation 3 to 6.
[[nodiscard]] double pcie_x16_bytes_per_s(int generation);

/// What `link_speed` says of one lane: "32.0 GT/s PCIe". Nothing for a text that NCCL does not
/// know.
[[nodiscard]] std::optional<double> pcie_lane_bytes_per_s(std::string_view link_speed);

/// What joins the CPUs of one machine, by the attributes of <cpu>. Nothing for unknown makers.
[[nodiscard]] std::optional<double> socket_bytes_per_s(std::string_view arch,
                                                       std::string_view vendor, int model);

/// The rate of a network card that fills most of a slot of this rate: 100 Gbit/s for Gen3 x16,
/// 200 for Gen4, 400 for Gen5, 800 for Gen6.
[[nodiscard]] double nic_bytes_per_s(double slot_bytes_per_s);

}  // namespace hsap::topo
