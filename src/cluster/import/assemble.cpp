#include "cluster/import/assemble.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "cluster/import/draft.hpp"
#include "cluster/names.hpp"
#include "cluster/node_reader.hpp"

namespace hsap::topo {
namespace {

using Kind = Part::Kind;
using DeviceKind = ClusterSpec::DeviceKind;

void describe(Draft& draft) {
  namespace fs = std::filesystem;
  const fs::path file = draft.machine.file;
  ClusterSpec& spec = draft.out.spec;
  spec.name = draft.options.name.empty() ? file.stem().string() : draft.options.name;
  spec.file = draft.machine.file;
  spec.description =
      fmt::format("imported from {} ({})", draft.machine.format, file.filename().string());
  spec.device = draft.lender.device;
  if (draft.gpu.model != nullptr) {
    spec.device.name = draft.gpu.model->name;
    spec.device.memory_bytes = draft.gpu.model->memory_bytes;
  }
  draft.reason("GPU", fmt::format("{} x sm{}", draft.machine.all(Kind::gpu).size(), draft.gpu.sm),
               draft.gpu.why);
  draft.reason("kernels, memory", spec.device.name, "lent by " + draft.lender.name);
}

/// Parts of a kind in the order in which the system numbers them: by host, then by number where
/// all have one, else by bus id.
std::vector<int> in_order(const Machine& machine, Kind kind) {
  std::vector<int> out = machine.all(kind);
  if (kind != Kind::gpu && kind != Kind::nic) return out;
  std::map<std::string, std::size_t> hosts;
  for (const Part& part : machine.parts) hosts.emplace(part.host, hosts.size());
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

void add_device(Draft& draft, DeviceKind kind, int number, int part, const std::string& called) {
  ClusterSpec& spec = draft.out.spec;
  draft.device_of[part] = static_cast<int>(spec.devices.size());
  spec.devices.push_back({std::string(to_string(kind)) + std::to_string(number), kind});
  draft.out.origins.push_back({spec.devices.back().name, called, part, "", 0});
}

void add_devices(Draft& draft, DeviceKind kind, Kind from) {
  int number = 0;
  for (const int index : in_order(draft.machine, from)) {
    const Part& part = draft.machine.part(index);
    add_device(draft, kind, number++, index,
               part.label.empty() ? part.name : part.name + " " + part.label);
  }
}

void add_nvswitch(Draft& draft) {
  const bool any = std::any_of(draft.machine.nvlinks.begin(), draft.machine.nvlinks.end(),
                               [](const NvLinks& each) { return each.peer < 0; });
  if (any) {
    add_device(draft, DeviceKind::nvswitch, 0, NvLinks::to_switch, "all NVSwitches together");
  }
}

void tell_parents(Draft& draft) {
  for (Origin& origin : draft.out.origins) {
    const int parent = origin.index < 0 ? -1 : draft.machine.part(origin.index).parent;
    if (parent < 0) continue;
    const auto device = static_cast<std::size_t>(draft.device_of.at(parent));
    origin.joined_to = draft.out.spec.devices[device].name;
    origin.bytes_per_s = *draft.machine.part(origin.index).link_bytes_per_s;
  }
}

Status check_links(const Draft& draft) {
  if (draft.out.spec.links.size() <= max_node_links) return {};
  Error error = bad_input("too many links", fmt::format("more than {}", max_node_links),
                          fmt::format("at most {}", max_node_links));
  error.file = draft.machine.file;
  return error;
}

/// Everything that was told or assumed stays with the cluster.
void add_sources(Draft& draft) {
  for (const Reason& reason : draft.out.reasons) {
    draft.out.spec.sources.push_back(
        fmt::format("{}: {}: {}", reason.what, reason.value, reason.why));
  }
  draft.out.spec.sources.push_back(
      fmt::format("latencies and ramps: lent by {}; bandwidths are what NCCL plans with "
                  "(src/graph/topo.h), not measured",
                  draft.lender.name));
  for (const Warning& warning : draft.machine.warnings) {
    draft.out.spec.sources.push_back(fmt::format("{}: {}", warning.name, warning.text));
  }
}

}  // namespace

Result<Imported> assemble(const Machine& machine, const GpuChoice& gpu, const ClusterSpec& lender,
                          const ImportOptions& options) {
  Draft draft{machine, gpu, lender, options};
  draft.out.format = machine.format;
  describe(draft);
  add_devices(draft, DeviceKind::gpu, Kind::gpu);
  add_nvswitch(draft);
  add_devices(draft, DeviceKind::pcie_switch, Kind::pcie_switch);
  add_devices(draft, DeviceKind::cpu, Kind::cpu);
  add_devices(draft, DeviceKind::nic, Kind::nic);
  tell_parents(draft);
  add_nvlinks(draft);
  add_pcie(draft);
  add_sockets(draft);
  HSAP_CHECK(check_links(draft));
  add_network(draft);
  add_sources(draft);
  return std::move(draft.out);
}

}  // namespace hsap::topo
