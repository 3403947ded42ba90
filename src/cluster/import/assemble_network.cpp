#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/units.hpp"
#include "cluster/import/draft.hpp"
#include "cluster/import/paths.hpp"

namespace hsap::topo {
namespace {

using Kind = Part::Kind;

// Of lenders without a network; those of the shipped DGX A100.
constexpr LinkCurve usual_nic{0, 2e-6, 0};
constexpr double usual_fabric_latency_s = 0.5e-6;
constexpr int fewest_nodes_per_leaf = 16;

void set_nic(Draft& draft, const std::vector<int>& nics) {
  LinkCurve& nic = draft.curve(LinkClass::nic);
  nic = draft.lent(LinkClass::nic, usual_nic);
  nic.bandwidth_bytes_per_s = *draft.machine.part(nics[0]).rate_bytes_per_s;
  draft.reason("NIC", format_rate(nic.bandwidth_bytes_per_s),
               fmt::format("{}: {:g} Gbit/s; {} for {} GPUs", draft.machine.nics_told,
                           nic.bandwidth_bytes_per_s * 8 / 1e9, nics.size(),
                           draft.machine.all(Kind::gpu).size()));
}

/// Whether every NIC serves as many GPUs. Those with the same nearest NICs take turns, as in
/// routes.
bool serve_equally(const Machine& machine, const std::vector<int>& nics) {
  std::map<int, std::size_t> served;
  for (const auto& [nearest, gpus] : gpus_by_nics(machine)) {
    for (std::size_t i = 0; i < gpus.size(); ++i) ++served[nearest[i % nearest.size()]];
  }
  return std::all_of(nics.begin(), nics.end(),
                     [&](int nic) { return served[nic] == served[nics[0]]; });
}

/// Rails need as many GPUs at each NIC, and NVLink to change rails over, as NCCL's PXN does.
bool has_rails(const Machine& machine, const std::vector<int>& nics) {
  if (nics.size() < 2 || !serve_equally(machine, nics)) return false;
  const auto paths = path_classes(machine, machine.all(Kind::gpu), 1);
  return std::all_of(paths[0].begin(), paths[0].end(),
                     [](PathClass path) { return path <= PathClass::nvb; });
}

void set_fabric(Draft& draft) {
  LinkCurve& fabric = draft.curve(LinkClass::fabric);
  fabric = draft.lent(LinkClass::fabric, {0, usual_fabric_latency_s, 0});
  fabric.bandwidth_bytes_per_s = draft.curve(LinkClass::nic).bandwidth_bytes_per_s;
}

}  // namespace

void add_network(Draft& draft) {
  const std::vector<int> nics = draft.machine.all(Kind::nic);
  ClusterSpec& spec = draft.out.spec;
  if (nics.empty()) {
    spec.max_nodes = 1;
    draft.reason("network", "none", "no NIC: the machine stands alone");
    return;
  }
  set_nic(draft, nics);
  set_fabric(draft);
  spec.rails = has_rails(draft.machine, nics);
  spec.nodes_per_leaf = std::max(draft.lender.nodes_per_leaf, fewest_nodes_per_leaf);
  spec.max_nodes = draft.options.nodes > 1 ? draft.options.nodes : 0;
  draft.reason("network", spec.rails ? "rails" : "one leaf for all NICs",
               spec.rails ? "assumed: NICs serve equally many GPUs, and NVLink joins all GPUs"
                          : "assumed: NICs do not serve equally many GPUs over NVLink");
  draft.reason("leaves", fmt::format("{} nodes each", spec.nodes_per_leaf),
               "assumed, without oversubscription");
}

}  // namespace hsap::topo
