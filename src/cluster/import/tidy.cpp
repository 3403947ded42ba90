#include "cluster/import/tidy.hpp"

#include <algorithm>
#include <map>

namespace hsap::topo {
namespace {

using Kind = Part::Kind;

bool is_broadcom(const Part& part) {
  return part.kind == Kind::pcie_switch && (part.chip == "1000:c010" || part.chip == "1000:c030");
}

/// "0000:0c:00" of "0000:0c:00.1", the slot of a card; nothing for names of other forms.
std::string slot_of(const std::string& busid) {
  const std::size_t dot = busid.rfind('.');
  const bool function = dot != std::string::npos && dot + 2 == busid.size();
  return function ? busid.substr(0, dot) : "";
}

/// Adds a function to the NIC that stands for its card. Both see the one link of the slot.
void merge(Part& card, const Part& function) {
  card.name += "+" + function.name;
  card.label += (card.label.empty() || function.label.empty() ? "" : "+") + function.label;
  if (function.rate_bytes_per_s) {
    card.rate_bytes_per_s = card.rate_bytes_per_s.value_or(0) + *function.rate_bytes_per_s;
  }
  card.link_bytes_per_s = std::max(card.link_bytes_per_s, function.link_bytes_per_s);
  if (function.order) card.order = std::min(card.order.value_or(*function.order), *function.order);
}

}  // namespace

void merge_functions(Machine& machine) {
  std::map<std::pair<int, std::string>, std::size_t> cards;  // by parent, which is of one host
  std::vector<bool> gone(machine.parts.size());
  for (std::size_t i = 0; i < machine.parts.size(); ++i) {
    const Part& part = machine.parts[i];
    const std::string slot = slot_of(part.name);
    if (part.kind != Kind::nic || slot.empty()) continue;
    const auto [card, fresh] = cards.emplace(std::pair(part.parent, slot), i);
    if (fresh) continue;
    merge(machine.parts[card->second], part);
    gone[i] = true;
  }
  machine.remove(gone);
}

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
