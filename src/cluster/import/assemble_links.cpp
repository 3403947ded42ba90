#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "base/units.hpp"
#include "cluster/import/draft.hpp"
#include "cluster/node_reader.hpp"

namespace hsap::topo {
namespace {

using Kind = Part::Kind;

// Of lenders without such links; those of the shipped DGX A100.
constexpr LinkCurve usual_nvlink{0, 6e-6, 0};
constexpr LinkCurve usual_pcie{0, 5.5e-6, 0};
constexpr LinkCurve usual_socket{16e9, 1e-6, 0};

/// The rate that most links have; of equally many the higher.
double usual_rate(const Machine& machine) {
  std::map<double, int> counts;
  for (const Part& part : machine.parts) {
    if (part.parent >= 0) ++counts[*part.link_bytes_per_s];
  }
  const auto most =
      std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
        return std::tie(a.second, a.first) < std::tie(b.second, b.first);
      });
  return most->first;
}

/// Links from a GPU to its nearest NIC, else to the nearest GPU; two when there is neither.
int nearest_hops(const Machine& machine) {
  const std::vector<int> nics = machine.all(Kind::nic);
  const std::vector<int> gpus = machine.all(Kind::gpu);
  constexpr int none = 1 << 20;
  PciePath best{PathClass::sys, none};
  for (const int gpu : gpus) {
    for (const int other : nics.empty() ? gpus : nics) {
      if (other != gpu) best = std::min(best, pcie_path(machine, gpu, other));
    }
  }
  return best.links == none ? 2 : std::max(best.links, 1);
}

void add_pcie_link(Draft& draft, int from, int to, double rate) {
  constexpr double most_lanes = 4096;
  const double lanes = rate / draft.curve(LinkClass::pcie).bandwidth_bytes_per_s;
  draft.add_link(from, to, LinkClass::pcie, std::min(lanes, most_lanes));
}

/// The link of a part to its parent, and C2C. Where a GPU sits straight below its CPU, C2C takes
/// the place of PCIe.
void add_links_of(Draft& draft, int index) {
  const Part& part = draft.machine.part(index);
  if (part.parent < 0) return;
  const int cpu = draft.machine.cpu_of(index);
  double rate = *part.link_bytes_per_s;
  if (part.c2c_bytes_per_s > 0 && part.parent != cpu) {
    add_pcie_link(draft, index, cpu, part.c2c_bytes_per_s);
  } else {
    rate = std::max(rate, part.c2c_bytes_per_s);
  }
  add_pcie_link(draft, index, part.parent, rate);
}

/// The slowest that a CPU of the file has to others, 0 when none is known.
double socket_rate(const Machine& machine) {
  double rate = 0;
  for (const int cpu : machine.all(Kind::cpu)) {
    const double own = machine.part(cpu).rate_bytes_per_s.value_or(0);
    if (own > 0 && (rate == 0 || own < rate)) rate = own;
  }
  return rate;
}

}  // namespace

void add_nvlinks(Draft& draft) {
  int most = 0;
  bool direct = false;
  for (const NvLinks& each : draft.machine.nvlinks) {
    most = std::max(most, each.links);
    direct = direct || each.peer >= 0;
  }
  if (most == 0) {
    draft.reason("NVLink", "none", draft.machine.nvlinks_told + ": GPUs talk over PCIe");
    return;
  }
  const double one = generation(draft.gpu.sm).nvlink_bytes_per_s;
  LinkCurve& nvlink = draft.curve(LinkClass::nvlink);
  nvlink = draft.lent(LinkClass::nvlink, usual_nvlink);
  nvlink.bandwidth_bytes_per_s = one * most;
  // A lender's message passes two links, to the switch and from it.
  if (direct) nvlink.latency_s *= 2;
  for (const NvLinks& each : draft.machine.nvlinks) {
    draft.add_link(each.gpu, each.peer, LinkClass::nvlink, static_cast<double>(each.links) / most);
  }
  draft.reason(
      "NVLink", format_rate(nvlink.bandwidth_bytes_per_s),
      fmt::format("{}: {}{} links of {}, {}", draft.machine.nvlinks_told, direct ? "up to " : "",
                  most, format_rate(one), direct ? "between GPUs" : "of each GPU to NVSwitches"));
}

void add_pcie(Draft& draft) {
  LinkCurve& pcie = draft.curve(LinkClass::pcie);
  pcie = draft.lent(LinkClass::pcie, usual_pcie);
  pcie.bandwidth_bytes_per_s = usual_rate(draft.machine);
  const int hops = nearest_hops(draft.machine);
  // In a lender a message from a GPU to its NIC passes two links.
  pcie.latency_s *= 2.0 / hops;
  double c2c = 0;
  for (std::size_t i = 0; i < draft.machine.parts.size(); ++i) {
    add_links_of(draft, static_cast<int>(i));
    c2c = std::max(c2c, draft.machine.parts[i].c2c_bytes_per_s);
  }
  draft.reason("PCIe", format_rate(pcie.bandwidth_bytes_per_s),
               fmt::format("{}: the usual link; what is nearest to a GPU is {} links away",
                           draft.machine.pcie_told, hops));
  if (c2c > 0) draft.reason("GPU to CPU", format_rate(c2c), "by the file: C2C beside PCIe");
}

void add_sockets(Draft& draft) {
  const std::vector<int> cpus = draft.machine.all(Kind::cpu);
  std::size_t links = 0;
  for (std::size_t i = 0; i < cpus.size(); ++i) {
    for (std::size_t j = i + 1; j < cpus.size() && links <= max_node_links; ++j) {
      if (draft.machine.part(cpus[i]).host != draft.machine.part(cpus[j]).host) continue;
      draft.add_link(cpus[i], cpus[j], LinkClass::socket, 1);
      ++links;
    }
  }
  if (links == 0) return;
  LinkCurve& socket = draft.curve(LinkClass::socket);
  socket = draft.lent(LinkClass::socket, usual_socket);
  const double rate = socket_rate(draft.machine);
  if (rate > 0) socket.bandwidth_bytes_per_s = rate;
  draft.reason("between CPUs", format_rate(socket.bandwidth_bytes_per_s),
               rate > 0 ? "by maker and model of the CPU"
                        : "assumed: the CPU is not told; as in " + draft.lender.name);
}

}  // namespace hsap::topo
