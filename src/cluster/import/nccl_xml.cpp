#include "cluster/import/nccl_xml.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cluster/import/nccl_element.hpp"
#include "cluster/import/peers.hpp"
#include "cluster/import/rates.hpp"
#include "cluster/import/tidy.hpp"
#include "cluster/import/xml.hpp"

namespace hsap::topo {
namespace {

using Kind = Part::Kind;

constexpr double mega_bits = 1e6 / 8;
constexpr int max_nvlinks = 64;

/// Classes of PCI devices, by NCCL's own prefixes. A skeleton leaves the class to NCCL.
Kind kind_of(const std::string& pci_class) {
  if (pci_class.empty()) return Kind::unknown;
  if (pci_class.starts_with("0x03")) return Kind::gpu;
  if (pci_class.starts_with("0x02")) return Kind::nic;
  if (pci_class.starts_with("0x0604") || pci_class.starts_with("0x0801")) return Kind::pcie_switch;
  return Kind::other;
}

class MachineReader {
 public:
  MachineReader(const XmlDocument& document, const std::string& file) : document_(document) {
    out_.file = file;
    out_.format = "NCCL topology XML";
    part_of_.assign(document.elements.size(), -1);
  }

  Result<Machine> read() {
    HSAP_CHECK(check_root());
    if (document_.stray_text_line > 0) {
      out_.warn("stray-text", fmt::format("line {}", document_.stray_text_line),
                "text between elements means nothing to NCCL and was skipped");
    }
    for (std::size_t i = 1; i < document_.elements.size(); ++i) HSAP_CHECK(add(i));
    resolve_peers(out_, peers_, by_name_);
    note_missing_gpus(out_);
    drop_idle_parts(out_);
    merge_functions(out_);
    merge_broadcom(out_);
    return std::move(out_);
  }

 private:
  [[nodiscard]] Element element(std::size_t index) const {
    return {document_.elements[index], out_.file};
  }

  [[nodiscard]] Status check_root() const {
    const Element root = element(0);
    if (root.name() != "system") {
      Error error = root.error("wrong root element", fmt::format("<{}>", root.name().substr(0, 40)),
                               "<system>");
      error.message = "not an NCCL topology";
      return error;
    }
    HSAP_TRY(const std::string version, root.required("version"));
    if (version == "1") return {};
    return root.error("unknown version", fmt::format("'{}'", version), "'1'");
  }

  Status add(std::size_t index) {
    const Element from = element(index);
    const int parent = part_of_[static_cast<std::size_t>(document_.elements[index].parent)];
    part_of_[index] = parent;
    if (from.name() == "cpu") return add_cpu(index, from);
    if (from.name() == "pci") return add_pci(index, from, parent);
    if (from.name() == "gpu") return add_gpu(from, parent);
    if (from.name() == "nic") return add_nic(index, from, parent);
    if (from.name() == "net") return add_net(from, parent);
    if (from.name() == "nvlink") return add_nvlink(from, parent);
    if (from.name() == "c2c") return add_c2c(from, parent);
    if (from.name() == "pcilink") {
      out_.warn("pcilink", fmt::format("line {}", from.line()),
                "direct links between PCIe switches are left out");
      return {};
    }
    out_.warn("unknown-element",
              fmt::format("<{}> in line {}", from.name().substr(0, 40), from.line()),
              "elements that NCCL does not know were skipped");
    return {};
  }

  Status add_cpu(std::size_t index, const Element& from) {
    if (document_.elements[index].parent != 0) {
      return from.error("wrong place", "it lies inside another element", "a child of <system>");
    }
    HSAP_TRY(const int numa, from.integer("numaid", -1, 65535));
    Part cpu;
    cpu.kind = Kind::cpu;
    cpu.host = from.text("host_hash");
    cpu.name = fmt::format("NUMA {}", numa);
    cpu.line = from.line();
    HSAP_TRY(const std::optional<int> model, from.maybe("modelid", 0, 65535));
    cpu.rate_bytes_per_s =
        socket_bytes_per_s(from.text("arch"), from.text("vendor"), model.value_or(0));
    HSAP_CHECK(claim(cpu.host + " cpu " + cpu.name, from, "NUMA node"));
    push(index, std::move(cpu));
    return {};
  }

  Status add_pci(std::size_t index, const Element& from, int parent) {
    HSAP_CHECK(expect(from, parent, {Kind::cpu, Kind::pcie_switch, Kind::unknown, Kind::other}));
    HSAP_TRY(const std::string busid, from.required("busid"));
    Part part;
    part.name = busid;
    part.parent = parent;
    part.line = from.line();
    part.kind = kind_of(from.text("class"));
    part.chip = chip_of(from);
    part.host = out_.part(parent).host;
    HSAP_CHECK(claim(part.host + " pci " + busid, from, "bus id"));
    HSAP_TRY(part.link_bytes_per_s, link_rate(from));
    // Whatever holds other devices works as a switch.
    if (out_.part(parent).kind != Kind::cpu) out_.part(parent).kind = Kind::pcie_switch;
    by_name_[{part.host, busid}] = static_cast<int>(out_.parts.size());
    push(index, std::move(part));
    return {};
  }

  /// Width times speed; nothing where a virtual machine or a skeleton shows no speed.
  Result<std::optional<double>> link_rate(const Element& pci) {
    const std::string speed = pci.text("link_speed");
    HSAP_TRY(std::optional<int> width, pci.maybe("link_width", 0, 64));
    const std::optional<double> lane = pcie_lane_bytes_per_s(speed);
    if (!lane) {
      const bool known =
          speed.empty() || speed.starts_with("Unknown") || speed.find("GT/s") != std::string::npos;
      if (known) return std::optional<double>();
      return pci.error("unknown unit in 'link_speed'", fmt::format("'{}'", speed.substr(0, 40)),
                       "a speed such as '32.0 GT/s PCIe'");
    }
    if (width.value_or(0) == 0) {
      out_.warn("no-link-width", pci.text("busid"), "16 lanes assumed, as NCCL does");
      width = 16;
    }
    return std::optional<double>(*lane * *width);
  }

  Status add_gpu(const Element& from, int parent) {
    HSAP_CHECK(expect(from, parent, {Kind::gpu, Kind::unknown}));
    Part& part = out_.part(parent);
    if (part.kind == Kind::gpu && part.described) {
      return from.error("second description", fmt::format("another in '{}'", part.name),
                        "one <gpu> in a <pci>");
    }
    part.kind = Kind::gpu;
    part.described = true;
    HSAP_TRY(part.sm, from.maybe("sm", 20, 999));
    HSAP_TRY(part.order, from.maybe("dev", 0, 65535));
    if (!part.order) return {};
    return claim(fmt::format("{} gpu {}", part.host, *part.order), from, "'dev'");
  }

  /// <nic> holds the ports of a card; straight below a CPU it is a virtual card.
  Status add_nic(std::size_t index, const Element& from, int parent) {
    HSAP_CHECK(expect(from, parent, {Kind::cpu, Kind::nic, Kind::unknown}));
    if (out_.part(parent).kind != Kind::cpu) {
      out_.part(parent).kind = Kind::nic;
      return {};
    }
    Part nic;
    nic.kind = Kind::nic;
    nic.name = fmt::format("virtual in line {}", from.line());
    nic.host = out_.part(parent).host;
    nic.parent = parent;
    push(index, std::move(nic));
    return {};
  }

  Status add_net(const Element& from, int parent) {
    HSAP_CHECK(expect(from, parent, {Kind::nic}));
    Part& nic = out_.part(parent);
    HSAP_TRY(const std::optional<int> order, from.maybe("dev", 0, 65535));
    if (order) {
      HSAP_CHECK(claim(fmt::format("{} net {}", nic.host, *order), from, "'dev'"));
      nic.order = std::min(nic.order.value_or(*order), *order);
    }
    const std::string name = from.text("name");
    nic.label += (nic.label.empty() || name.empty() ? "" : "+") + name;
    // 10 Tbit/s; beyond lies a file in bits or bytes.
    HSAP_TRY(const std::optional<int> speed, from.maybe("speed", -1, 10000000));
    // Less than 1 Gbit/s is what drivers say that do not know.
    constexpr int slowest = 1000;
    if (speed.value_or(0) >= slowest) {
      nic.rate_bytes_per_s = nic.rate_bytes_per_s.value_or(0) + *speed * mega_bits;
    }
    return {};
  }

  Status add_nvlink(const Element& from, int parent) {
    HSAP_CHECK(expect(from, parent, {Kind::gpu}));
    HSAP_TRY(const int count, from.integer("count", 1, max_nvlinks));
    int& all = nvlinks_of_[parent];
    all += count;
    if (all > max_nvlinks) {
      return from.error("too many links", fmt::format("{} of '{}'", all, out_.part(parent).name),
                        fmt::format("at most {} of a GPU", max_nvlinks));
    }
    HSAP_TRY(const std::string target, from.required("target"));
    const std::string target_class = from.text("tclass");
    const bool to_switch =
        target_class.starts_with("0x0680") || target.starts_with("fffffff:ff:ff");
    // Class 0x068001 is a POWER CPU: links to it work as those of Grace do.
    if (target_class == "0x068001") {
      out_.part(parent).c2c_bytes_per_s += count * nvlink_rate(parent);
    } else if (to_switch) {
      add_nvlinks(out_, parent, NvLinks::to_switch, count);
    } else {
      peers_.push_back({parent, target, count});
    }
    return {};
  }

  [[nodiscard]] double nvlink_rate(int gpu) const {
    return generation(out_.part(gpu).sm.value_or(80)).nvlink_bytes_per_s;
  }

  Status add_c2c(const Element& from, int parent) {
    HSAP_CHECK(expect(from, parent, {Kind::gpu}));
    // In MB/s; 10 TB/s is beyond any.
    HSAP_TRY(const int bandwidth, from.integer("bw", 1, 10000000));
    HSAP_TRY(const int count, from.integer("count", 1, max_nvlinks));
    out_.part(parent).c2c_bytes_per_s += 1e6 * bandwidth * count;
    return {};
  }

  Status expect(const Element& from, int parent, std::initializer_list<Kind> kinds) const {
    constexpr const char* names[] = {"<cpu>",          "<pci> of a switch",
                                     "<pci> of a GPU", "<pci> or <nic> of a network card",
                                     "<pci>",          "<pci> of another device"};
    if (parent >= 0 && std::find(kinds.begin(), kinds.end(), out_.part(parent).kind) != kinds.end())
      return {};
    std::vector<std::string> expected;
    for (const Kind kind : kinds) expected.emplace_back(names[static_cast<int>(kind)]);
    return from.error("wrong place",
                      parent < 0 ? "it lies inside <system>"
                                 : "it lies inside " +
                                       std::string(names[static_cast<int>(out_.part(parent).kind)]),
                      fmt::format("inside {}", fmt::join(expected, " or ")));
  }

  /// Complains about a name given twice.
  Status claim(const std::string& name, const Element& from, const char* what) {
    const auto [found, fresh] = claimed_.emplace(name, from.line());
    if (fresh) return {};
    return from.error(
        fmt::format("{} given twice", what),
        fmt::format("'{}', as in line {}", name.substr(name.find_last_of(' ') + 1), found->second),
        "each once");
  }

  void push(std::size_t index, Part part) {
    part_of_[index] = static_cast<int>(out_.parts.size());
    out_.parts.push_back(std::move(part));
  }

  const XmlDocument& document_;
  Machine out_;
  std::vector<int> part_of_;  ///< by element: the part it lies in or is
  PartsByName by_name_;
  std::map<std::string, int> claimed_;  ///< name to line
  std::map<int, int> nvlinks_of_;       ///< part to number of links
  std::vector<ListedPeer> peers_;
};

}  // namespace

Result<Machine> read_nccl_xml(const std::string& text, const std::string& file) {
  HSAP_TRY(const XmlDocument document, parse_xml(text, file));
  return MachineReader(document, file).read();
}

}  // namespace hsap::topo
