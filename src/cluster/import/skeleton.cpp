#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cluster/import/complete.hpp"

namespace hsap::topo {
namespace {

using Kind = Part::Kind;

void leave_out(Machine& machine, const std::vector<int>& leaves) {
  std::vector<bool> gone(machine.parts.size());
  for (const int leaf : leaves) {
    gone[static_cast<std::size_t>(leaf)] = true;
    machine.warn("skeleton-leaves", machine.part(leaf).name,
                 "devices without a class beside GPUs that have one are left out");
  }
  machine.remove(gone);
}

/// Leaves straight below CPUs.
void settle_below_cpus(Machine& machine, const std::map<int, std::vector<int>>& by_cpu) {
  if (by_cpu.empty()) return;
  std::size_t gpus = by_cpu.begin()->second.size();
  for (const auto& [cpu, leaves] : by_cpu) gpus = std::min(gpus, leaves.size());
  for (const auto& [cpu, leaves] : by_cpu) {
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      machine.part(leaves[i]).kind = i < gpus ? Kind::gpu : Kind::nic;
    }
  }
  machine.warn("skeleton-classes", "",
               fmt::format("no device has a class; the first {} below each CPU are taken for GPUs, "
                           "the rest for NICs. A copy of the file with class=\"0x0302..\" for GPUs "
                           "and \"0x0200..\" for NICs says otherwise",
                           gpus));
}

/// Leaves below switches.
void settle_below_switches(Machine& machine, const std::map<int, std::vector<int>>& by_switch) {
  for (const auto& [parent, leaves] : by_switch) {
    for (const int leaf : leaves) machine.part(leaf).kind = Kind::nic;
    Part gpu;
    gpu.kind = Kind::gpu;
    gpu.name = "assumed beside " + machine.part(leaves.back()).name;
    gpu.host = machine.part(parent).host;
    gpu.parent = parent;
    machine.warn("skeleton-gpus", machine.part(parent).name,
                 "no GPU and no classes; devices below switches are taken for NICs, and one GPU is "
                 "assumed at each switch");
    machine.parts.push_back(std::move(gpu));
  }
}

}  // namespace

void settle_skeleton(Machine& machine) {
  const bool skeleton = std::none_of(machine.parts.begin(), machine.parts.end(),
                                     [](const Part& part) { return part.described; });
  if (skeleton) {
    machine.warn("skeleton", "",
                 "the file describes no GPU: NCCL completes such a file on its machine, here the "
                 "rest is assumed as told below");
  }
  const std::vector<int> leaves = machine.all(Kind::unknown);
  if (leaves.empty()) return;
  if (!machine.all(Kind::gpu).empty()) {
    leave_out(machine, leaves);
    return;
  }
  std::map<int, std::vector<int>> by_cpu;
  std::map<int, std::vector<int>> by_switch;
  for (const int leaf : leaves) {
    const int parent = machine.part(leaf).parent;
    (machine.part(parent).kind == Kind::cpu ? by_cpu : by_switch)[parent].push_back(leaf);
  }
  settle_below_cpus(machine, by_cpu);
  settle_below_switches(machine, by_switch);
}

}  // namespace hsap::topo
