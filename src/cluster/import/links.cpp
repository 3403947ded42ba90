#include <fmt/format.h>

#include <algorithm>

#include "base/units.hpp"
#include "cluster/import/complete.hpp"

namespace hsap::topo {
namespace {

using Kind = Part::Kind;

/// By part: the fastest link below it, as bridges that are right would show it.
std::vector<double> fastest_below(const Machine& machine) {
  std::vector<double> below(machine.parts.size());
  for (std::size_t i = machine.parts.size(); i-- > 0;) {
    const Part& part = machine.parts[i];
    if (part.parent < 0) continue;
    double& above = below[static_cast<std::size_t>(part.parent)];
    above = std::max({above, below[i], *part.link_bytes_per_s});
  }
  return below;
}

/// A switch that seems slower than one device below it shows what it idles at, or a wrong number.
void lift_slow_bridges(Machine& machine) {
  const std::vector<double> below = fastest_below(machine);
  for (std::size_t i = 0; i < machine.parts.size(); ++i) {
    Part& part = machine.parts[i];
    if (part.kind != Kind::pcie_switch) continue;
    if (*part.link_bytes_per_s >= 0.99 * below[i]) continue;
    machine.warn("slow-bridge", part.name,
                 fmt::format("bridges slower than one device below them ({} against {}); the rate "
                             "of that device is taken",
                             format_rate(*part.link_bytes_per_s), format_rate(below[i])));
    part.link_bytes_per_s = below[i];
  }
}

/// A GPU may train a slower link than it can, but never a faster one.
void check_gpu_link(Machine& machine, Part& part, int sm, double usual) {
  const double told = *part.link_bytes_per_s;
  if (told < 0.99 * usual) {
    machine.warn("slow-gpu-link", part.name,
                 fmt::format("the file gives GPUs {} of PCIe where sm{} can have {}; kept",
                             format_rate(told), sm, format_rate(usual)));
  } else if (told > 1.01 * usual) {
    machine.warn(
        "fast-gpu-link", part.name,
        fmt::format("the file gives GPUs {} of PCIe where sm{} can have {}, which is taken",
                    format_rate(told), sm, format_rate(usual)));
    part.link_bytes_per_s = usual;
  }
}

/// How many links a GPU has when the file is silent about them: those of its model, or of its
/// generation when several sit below PCIe switches, as they do on boards with NVSwitches.
int assumed_nvlinks(const Machine& machine, const GpuChoice& gpu) {
  if (gpu.model != nullptr) return gpu.model->nvlinks;
  const std::vector<int> gpus = machine.all(Kind::gpu);
  const bool below_switches = std::all_of(gpus.begin(), gpus.end(), [&](int each) {
    return machine.part(machine.part(each).parent).kind == Kind::pcie_switch;
  });
  // Boards of V100s differ in their meshes; none can be guessed.
  const bool switched = gpu.sm >= 80 && gpu.sm != 86;
  return gpus.size() >= 4 && below_switches && switched ? generation(gpu.sm).nvlinks : 0;
}

}  // namespace

void complete_pcie(Machine& machine, const GpuChoice& gpu) {
  const int pcie = generation(gpu.sm).pcie;
  const double usual = pcie_x16_bytes_per_s(pcie);
  const std::string text =
      fmt::format("no usable PCIe speed in the file; Gen{} x16 ({}) is assumed, as sm{} has", pcie,
                  format_rate(usual), gpu.sm);
  bool any_told = false;
  bool all_told = true;
  for (Part& part : machine.parts) {
    if (part.kind == Kind::cpu) continue;
    const bool told = part.link_bytes_per_s.has_value();
    any_told = any_told || told;
    all_told = all_told && told;
    if (!told) {
      part.link_bytes_per_s = usual;
      if (part.line > 0) machine.warn("no-link-speed", part.name, text);
    } else if (part.kind == Kind::gpu) {
      check_gpu_link(machine, part, gpu.sm, usual);
    }
  }
  if (!all_told) machine.pcie_told = any_told ? "by the file, or assumed" : "assumed";
  // By what is known now: of a device without a speed, or with one that it cannot have, too.
  lift_slow_bridges(machine);
}

void complete_nvlinks(Machine& machine, const GpuChoice& gpu, const ImportOptions& options) {
  const std::vector<int> gpus = machine.all(Kind::gpu);
  if (!machine.nvlinks.empty() || gpus.size() < 2) return;
  const bool silent = std::none_of(gpus.begin(), gpus.end(),
                                   [&](int each) { return machine.part(each).described; });
  if (!silent && !options.nvlinks) return;
  const int links = options.nvlinks.value_or(assumed_nvlinks(machine, gpu));
  machine.nvlinks_told = options.nvlinks ? "by --nvlink" : "assumed";
  if (!options.nvlinks) {
    const std::string what =
        links == 0 ? "none is" : fmt::format("{} of each GPU to NVSwitches are", links);
    machine.warn("no-nvlinks", "",
                 fmt::format("the file says nothing of NVLink, which NCCL looks up on the machine; "
                             "{} assumed; --nvlink says otherwise",
                             what));
  }
  if (links == 0) return;
  for (const int each : gpus) machine.nvlinks.push_back({each, NvLinks::to_switch, links});
}

}  // namespace hsap::topo
