#include "cluster/import/tidy.hpp"

namespace hsap::topo {
namespace {

using Kind = Part::Kind;

bool is_broadcom(const Part& part) {
  return part.kind == Kind::pcie_switch && (part.chip == "1000:c010" || part.chip == "1000:c030");
}

}  // namespace

void drop_idle_parts(Machine& machine) {
  std::vector<bool> gone(machine.parts.size(), true);
  for (std::size_t i = machine.parts.size(); i-- > 0;) {
    const Part& part = machine.parts[i];
    if (part.kind == Kind::gpu || part.kind == Kind::nic || part.kind == Kind::unknown) {
      gone[i] = false;
    }
    if (!gone[i] && part.parent >= 0) gone[static_cast<std::size_t>(part.parent)] = false;
  }
  machine.remove(gone);
}

void merge_broadcom(Machine& machine) {
  std::vector<bool> gone(machine.parts.size());
  for (std::size_t i = 0; i < machine.parts.size(); ++i) {
    const Part& part = machine.parts[i];
    gone[i] = is_broadcom(part) && is_broadcom(machine.part(part.parent)) &&
              machine.part(part.parent).chip == part.chip;
  }
  machine.remove(gone);
}

}  // namespace hsap::topo
