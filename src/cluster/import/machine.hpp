#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hsap/status.hpp"

/// Importing the topology of a machine from other tools' files.
namespace hsap::topo {

/// A device of the machine as a file describes it: a tree over PCIe whose roots are CPUs (NUMA
/// nodes). What the file leaves out stays empty until complete.hpp fills it.
struct Part {
  /// unknown: a skeleton file leaves it open; other: a disk or whatever does not matter here.
  enum class Kind { cpu, pcie_switch, gpu, nic, unknown, other };
  Kind kind = Kind::unknown;
  std::string name;  ///< how the file calls it: a bus id, "GPU3", "NIC0"
  std::string host;  ///< tells machines of a fused file apart; empty in most files
  int parent = -1;   ///< index of a part before this one; -1 for CPUs
  int line = 0;      ///< of the PCI device in the file; 0 for what is none

  std::optional<double> link_bytes_per_s;  ///< to the parent, one direction
  std::string chip;                        ///< PCI "vendor:device", "10de:2330"
  std::optional<int> order;                ///< number the system gave (GPU or NIC), from 0

  std::optional<int> sm;       ///< GPU: compute capability, 90
  bool described = false;      ///< GPU: the file tells its NVLinks, perhaps none
  double c2c_bytes_per_s = 0;  ///< GPU: link to its CPU beside PCIe (Grace)

  std::optional<double> rate_bytes_per_s;  ///< NIC: all ports together; CPU: link to other CPUs
  std::string label;                       ///< NIC: "mlx5_0"
};

/// NVLinks of one GPU to a peer or to the NVSwitches, which count as one.
struct NvLinks {
  static constexpr int to_switch = -1;
  int gpu = 0;  ///< index into parts
  int peer = to_switch;
  int links = 0;
};

/// Something a user should know: what the file lacks or gets wrong, and what was assumed instead.
struct Warning {
  std::string name;                ///< stable, for scripts: "slow-bridge"
  std::vector<std::string> parts;  ///< which devices
  std::string text;                ///< a sentence
};

struct Machine {
  std::string file;
  std::string format;  ///< for people: "NCCL topology XML"
  std::vector<Part> parts;
  std::vector<NvLinks> nvlinks;
  // Whence the rates are known: "by the file", "assumed" or "by --flag".
  std::string nvlinks_told = "by the file";
  std::string pcie_told = "by the file";
  std::string nics_told = "by the file";
  std::vector<Warning> warnings;

  [[nodiscard]] const Part& part(int index) const { return parts[static_cast<std::size_t>(index)]; }
  [[nodiscard]] Part& part(int index) { return parts[static_cast<std::size_t>(index)]; }
  /// Indices of the parts of a kind, in order.
  [[nodiscard]] std::vector<int> all(Part::Kind kind) const;
  /// The part itself or its ancestor that is a CPU.
  [[nodiscard]] int cpu_of(int index) const;
  /// Adds a part to the warning of that name, or starts it.
  void warn(const std::string& name, const std::string& part, const std::string& text);
  /// Leaves out the parts for which `gone` is set (by index), with their NVLinks. Children of a
  /// part that goes move to its parent.
  void remove(const std::vector<bool>& gone);
  /// An error at the line of a part.
  [[nodiscard]] Error error(int index, const std::string& message, const std::string& found,
                            const std::string& expected) const;
};

/// How near two devices are, nearest first. The names are those of NCCL; `nvidia-smi topo -m`
/// shares PIX to SYS.
enum class PathClass { self, nvl, nvb, pix, pxb, p2c, phb, sys };
[[nodiscard]] std::string_view to_string(PathClass path);

/// A way over PCIe alone.
struct PciePath {
  PathClass path = PathClass::sys;
  int links = 0;
  friend bool operator==(const PciePath&, const PciePath&) = default;
  friend auto operator<=>(const PciePath&, const PciePath&) = default;
};
[[nodiscard]] PciePath pcie_path(const Machine& machine, int from, int to);

}  // namespace hsap::topo
