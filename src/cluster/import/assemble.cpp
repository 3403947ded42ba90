#include "cluster/import/assemble.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/units.hpp"
#include "cluster/import/paths.hpp"
#include "cluster/names.hpp"
#include "cluster/node_reader.hpp"

namespace hsap::topo {
namespace {

using Kind = Part::Kind;
using DeviceKind = ClusterSpec::DeviceKind;

constexpr double most_lanes = 4096;

/// Parts of a kind in the order in which the system numbers them: by host, then by number where
/// all have one, else by bus id.
std::vector<int> in_order(const Machine& machine, Kind kind) {
  std::vector<int> out = machine.all(kind);
  if (kind != Kind::gpu && kind != Kind::nic) return out;
  std::map<std::string, int> hosts;
  for (const Part& part : machine.parts) hosts.emplace(part.host, static_cast<int>(hosts.size()));
  const bool numbered =
      std::all_of(out.begin(), out.end(), [&](int i) { return machine.part(i).order.has_value(); });
  std::sort(out.begin(), out.end(), [&](int a, int b) {
    const Part& x = machine.part(a);
    const Part& y = machine.part(b);
    if (x.host != y.host) return hosts[x.host] < hosts[y.host];
    return numbered ? *x.order < *y.order : std::tie(x.name, a) < std::tie(y.name, b);
  });
  return out;
}

/// The rate that most links have; of equally many the higher.
double usual_rate(const std::vector<double>& rates) {
  std::map<double, int> counts;
  for (const double rate : rates) ++counts[rate];
  const auto most =
      std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
        return std::tie(a.second, a.first) < std::tie(b.second, b.first);
      });
  return most == counts.end() ? 0 : most->first;
}

class Assembler {
 public:
  Assembler(const Machine& machine, const GpuChoice& gpu, const ClusterSpec& lender,
            const ImportOptions& options)
      : machine_(machine), gpu_(gpu), lender_(lender), options_(options) {}

  Result<Imported> assemble() {
    out_.format = machine_.format;
    describe();
    add_devices();
    add_nvlinks();
    add_pcie();
    add_sockets();
    HSAP_CHECK(check_links());
    add_nics();
    add_network();
    return std::move(out_);
  }

 private:
  using Link = ClusterSpec::NodeLink;

  LinkCurve& curve(LinkClass link_class) { return spec_.curves[static_cast<int>(link_class)]; }
  [[nodiscard]] const LinkCurve& lent(LinkClass link_class) const {
    return lender_.curves[static_cast<int>(link_class)];
  }

  void reason(const std::string& what, const std::string& value, const std::string& why) {
    out_.reasons.push_back({what, value, why});
  }

  void describe() {
    namespace fs = std::filesystem;
    spec_.name = options_.name.empty() ? fs::path(machine_.file).stem().string() : options_.name;
    spec_.file = machine_.file;
    spec_.description = fmt::format("imported from {}", machine_.format);
    spec_.device = lender_.device;
    if (gpu_.model != nullptr) {
      spec_.device.name = gpu_.model->name;
      spec_.device.memory_bytes = gpu_.model->memory_bytes;
    }
    reason("GPU", fmt::format("{} x sm{}", machine_.all(Kind::gpu).size(), gpu_.sm), gpu_.why);
    reason("kernels, memory", spec_.device.name, "lent by " + lender_.name);
    spec_.sources = {
        fmt::format("node: {} ({})", machine_.format, fs::path(machine_.file).filename().string()),
        fmt::format("device: as in {}, for sm{} ({})", lender_.name, gpu_.sm, gpu_.why),
        fmt::format(
            "bandwidths: as NCCL plans with (src/graph/topo.h), not measured; latencies and "
            "ramps as in {}",
            lender_.name)};
    for (const Warning& warning : machine_.warnings) {
      spec_.sources.push_back(fmt::format("{}: {}", warning.name, warning.text));
    }
  }

  void add_devices() {
    for (int k = 0; k < device_kinds; ++k) {
      const auto kind = static_cast<DeviceKind>(k);
      if (kind == DeviceKind::nvswitch) {
        add_nvswitch();
        continue;
      }
      constexpr Kind kinds[device_kinds] = {Kind::gpu, Kind::unknown, Kind::pcie_switch, Kind::cpu,
                                            Kind::nic};
      int number = 0;
      for (const int part : in_order(machine_, kinds[k])) {
        device_of_[part] = static_cast<int>(spec_.devices.size());
        spec_.devices.push_back({std::string(to_string(kind)) + std::to_string(number++), kind});
        const Part& from = machine_.part(part);
        const std::string name = from.label.empty() ? from.name : from.name + " " + from.label;
        out_.origins.push_back({spec_.devices.back().name, name, part, "", 0});
      }
    }
    for (Origin& origin : out_.origins) {
      const int parent = origin.index < 0 ? -1 : machine_.part(origin.index).parent;
      if (parent < 0) continue;
      origin.joined_to = spec_.devices[static_cast<std::size_t>(device_of_.at(parent))].name;
      origin.bytes_per_s = *machine_.part(origin.index).link_bytes_per_s;
    }
  }

  void add_nvswitch() {
    const bool any = std::any_of(machine_.nvlinks.begin(), machine_.nvlinks.end(),
                                 [](const NvLinks& each) { return each.peer < 0; });
    if (!any) return;
    device_of_[NvLinks::to_switch] = static_cast<int>(spec_.devices.size());
    spec_.devices.push_back({"nvswitch0", DeviceKind::nvswitch});
    out_.origins.push_back({"nvswitch0", "all NVSwitches together", -1, "", 0});
  }

  void add_nvlinks() {
    int most = 0;
    bool direct = false;
    for (const NvLinks& each : machine_.nvlinks) {
      most = std::max(most, each.links);
      direct = direct || each.peer >= 0;
    }
    if (most == 0) {
      reason("NVLink", "none", "GPUs talk over PCIe");
      return;
    }
    const double one = generation(gpu_.sm).nvlink_bytes_per_s;
    LinkCurve& nvlink = curve(LinkClass::nvlink);
    nvlink = lent(LinkClass::nvlink);
    if (nvlink.bandwidth_bytes_per_s == 0) nvlink.latency_s = usual_nvlink_latency_s;
    nvlink.bandwidth_bytes_per_s = one * most;
    // A lender's message passes two links, to the switch and from it.
    if (direct) nvlink.latency_s *= 2;
    for (const NvLinks& each : machine_.nvlinks) {
      add_link(device_of_.at(each.gpu), device_of_.at(each.peer), LinkClass::nvlink,
               static_cast<double>(each.links) / most);
    }
    reason("NVLink", format_rate(nvlink.bandwidth_bytes_per_s),
           fmt::format("{}{} links of {} ({}), {}", direct ? "up to " : "", most, format_rate(one),
                       fmt::format("sm{}", gpu_.sm),
                       direct ? "between GPUs" : "of each GPU to NVSwitches"));
  }

  void add_pcie() {
    std::vector<double> rates;
    for (const Part& part : machine_.parts) {
      if (part.parent >= 0) rates.push_back(*part.link_bytes_per_s);
    }
    LinkCurve& pcie = curve(LinkClass::pcie);
    pcie = lent(LinkClass::pcie);
    pcie.bandwidth_bytes_per_s = usual_rate(rates);
    if (lent(LinkClass::pcie).bandwidth_bytes_per_s == 0) pcie.latency_s = usual_pcie_latency_s;
    const int hops = nearest_hops();
    // In a lender a message from a GPU to its NIC passes two links.
    pcie.latency_s *= 2.0 / hops;
    for (std::size_t i = 0; i < machine_.parts.size(); ++i) add_pcie_links(static_cast<int>(i));
    reason(
        "PCIe", format_rate(pcie.bandwidth_bytes_per_s),
        fmt::format("what most links have, as NCCL counts; {} links from a GPU to what is nearest",
                    hops));
  }

  void add_pcie_links(int index) {
    const Part& part = machine_.part(index);
    if (part.parent < 0) return;
    double rate = *part.link_bytes_per_s;
    const int cpu = machine_.cpu_of(index);
    if (part.c2c_bytes_per_s > 0) {
      if (part.parent == cpu) {
        rate = std::max(rate, part.c2c_bytes_per_s);
      } else {
        add_pcie_link(index, cpu, part.c2c_bytes_per_s);
      }
      if (!told_c2c_) reason("GPU to CPU", format_rate(part.c2c_bytes_per_s), "C2C beside PCIe");
      told_c2c_ = true;
    }
    add_pcie_link(index, part.parent, rate);
  }

  void add_pcie_link(int from, int to, double rate) {
    const double lanes = rate / curve(LinkClass::pcie).bandwidth_bytes_per_s;
    add_link(device_of_.at(from), device_of_.at(to), LinkClass::pcie, std::min(lanes, most_lanes));
  }

  /// Links from a GPU to its nearest NIC, else to the nearest GPU; two when there is neither.
  [[nodiscard]] int nearest_hops() const {
    const std::vector<int> nics = machine_.all(Kind::nic);
    const std::vector<int> gpus = machine_.all(Kind::gpu);
    PciePath best{PathClass::sys, 1 << 20};
    for (const int gpu : gpus) {
      for (const int other : nics.empty() ? gpus : nics) {
        if (other != gpu) best = std::min(best, pcie_path(machine_, gpu, other));
      }
    }
    return best.links == 1 << 20 ? 2 : std::max(best.links, 1);
  }

  /// All CPUs of a host see each other, as in NCCL.
  void add_sockets() {
    const std::vector<int> cpus = machine_.all(Kind::cpu);
    double rate = 0;
    for (const int cpu : cpus) {
      const double own = machine_.part(cpu).rate_bytes_per_s.value_or(0);
      if (own > 0 && (rate == 0 || own < rate)) rate = own;
    }
    const bool known = rate > 0;
    LinkCurve& socket = curve(LinkClass::socket);
    socket = lent(LinkClass::socket);
    if (socket.bandwidth_bytes_per_s == 0) socket = {usual_socket_bytes_per_s, 1e-6, 0};
    if (known) socket.bandwidth_bytes_per_s = rate;
    std::size_t links = 0;
    for (std::size_t i = 0; i < cpus.size(); ++i) {
      for (std::size_t j = i + 1; j < cpus.size() && links <= max_node_links; ++j) {
        if (machine_.part(cpus[i]).host != machine_.part(cpus[j]).host) continue;
        add_link(device_of_.at(cpus[i]), device_of_.at(cpus[j]), LinkClass::socket, 1);
        ++links;
      }
    }
    if (links == 0) {
      socket = {};
      return;
    }
    reason("between CPUs", format_rate(socket.bandwidth_bytes_per_s),
           known ? "by the maker and model of the CPU, as NCCL plans with"
                 : "the CPU is not told; as in " + lender_.name);
  }

  [[nodiscard]] Status check_links() const {
    if (spec_.links.size() <= max_node_links) return {};
    Error error = bad_input("too many links", fmt::format("more than {}", max_node_links),
                            fmt::format("at most {}", max_node_links));
    error.file = machine_.file;
    return error;
  }

  void add_nics() {
    const std::vector<int> nics = machine_.all(Kind::nic);
    if (nics.empty()) return;
    LinkCurve& nic = curve(LinkClass::nic);
    nic = lent(LinkClass::nic);
    nic.bandwidth_bytes_per_s = *machine_.part(nics[0]).rate_bytes_per_s;
    if (lent(LinkClass::nic).bandwidth_bytes_per_s == 0) nic.latency_s = usual_nic_latency_s;
    reason("NIC", format_rate(nic.bandwidth_bytes_per_s),
           fmt::format("{:g} Gbit/s, all ports of a card together; {} for {} GPUs",
                       nic.bandwidth_bytes_per_s * 8 / 1e9, nics.size(),
                       machine_.all(Kind::gpu).size()));
  }

  /// Rails need as many GPUs at each NIC, and NVLink to change rails over, as NCCL's PXN does.
  void add_network() {
    const std::vector<int> nics = machine_.all(Kind::nic);
    const bool many = nics.size() > 1 && machine_.all(Kind::gpu).size() % nics.size() == 0;
    spec_.rails = nics.empty() || (many && all_nvlink());
    spec_.nodes_per_leaf = std::max(lender_.nodes_per_leaf, 16);
    spec_.max_nodes = nics.empty() ? 1 : options_.nodes > 1 ? options_.nodes : 0;
    out_.spec = std::move(spec_);
    if (nics.empty()) {
      reason("network", "none", "no NIC: the machine stands alone");
      return;
    }
    LinkCurve& fabric = out_.spec.curves[static_cast<int>(LinkClass::fabric)];
    fabric = lent(LinkClass::fabric);
    if (fabric.latency_s == 0) fabric.latency_s = 0.5e-6;
    fabric.bandwidth_bytes_per_s =
        out_.spec.curves[static_cast<int>(LinkClass::nic)].bandwidth_bytes_per_s;
    reason("network", out_.spec.rails ? "rails" : "one leaf for all NICs",
           out_.spec.rails ? "assumed: NICs serve equally many GPUs, and NVLink joins all GPUs"
                           : "assumed: NICs do not serve equally many GPUs over NVLink");
    reason("leaves", fmt::format("{} nodes each", out_.spec.nodes_per_leaf),
           "assumed, without oversubscription");
  }

  [[nodiscard]] bool all_nvlink() const {
    const std::vector<int> gpus = machine_.all(Kind::gpu);
    const auto paths = path_classes(machine_, gpus, 1);
    return std::all_of(paths[0].begin(), paths[0].end(),
                       [](PathClass path) { return path <= PathClass::nvb; });
  }

  void add_link(int from, int to, LinkClass link_class, double lanes) {
    spec_.links.push_back({from, to, link_class, lanes});
  }

  // Of a lender without such links; those of the shipped DGX A100.
  static constexpr double usual_nvlink_latency_s = 6e-6;
  static constexpr double usual_pcie_latency_s = 5.5e-6;
  static constexpr double usual_nic_latency_s = 2e-6;
  static constexpr double usual_socket_bytes_per_s = 16e9;

  const Machine& machine_;
  const GpuChoice& gpu_;
  const ClusterSpec& lender_;
  const ImportOptions& options_;
  ClusterSpec spec_;
  Imported out_;
  std::map<int, int> device_of_;  ///< part to device; NVSwitches are part to_switch
  bool told_c2c_ = false;
};

}  // namespace

Result<Imported> assemble(const Machine& machine, const GpuChoice& gpu, const ClusterSpec& lender,
                          const ImportOptions& options) {
  return Assembler(machine, gpu, lender, options).assemble();
}

}  // namespace hsap::topo
