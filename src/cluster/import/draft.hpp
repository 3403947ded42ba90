#pragma once

#include <map>
#include <string>

#include "cluster/import/import.hpp"

namespace hsap::topo {

/// A cluster in the making, for the stages of assemble().
struct Draft {
  const Machine& machine;
  const GpuChoice& gpu;
  const ClusterSpec& lender;
  const ImportOptions& options;
  Imported out = {};
  std::map<int, int> device_of = {};  ///< part to device; NVSwitches are part to_switch

  [[nodiscard]] LinkCurve& curve(LinkClass link_class) {
    return out.spec.curves[static_cast<int>(link_class)];
  }
  /// The lender's curve of that class, or `otherwise` when it has none.
  [[nodiscard]] LinkCurve lent(LinkClass link_class, const LinkCurve& otherwise) const {
    const LinkCurve& curve = lender.curves[static_cast<int>(link_class)];
    return curve.bandwidth_bytes_per_s > 0 ? curve : otherwise;
  }
  void add_link(int from_part, int to_part, LinkClass link_class, double lanes) {
    out.spec.links.push_back({device_of.at(from_part), device_of.at(to_part), link_class, lanes});
  }
  void reason(const std::string& what, const std::string& value, const std::string& why) {
    out.reasons.push_back({what, value, why});
  }
};

/// Links between GPUs, or from GPUs to the NVSwitches; lanes are shares of the widest.
void add_nvlinks(Draft& draft);
/// Links of the PCIe tree and C2C; lanes are shares of the most usual rate.
void add_pcie(Draft& draft);
/// All CPUs of a host see each other, as in NCCL.
void add_sockets(Draft& draft);
/// NIC rate, rails, leaves and how many nodes there may be.
void add_network(Draft& draft);

}  // namespace hsap::topo
