#include "cluster/import/machine.hpp"

#include <algorithm>
#include <array>

namespace hsap::topo {

std::vector<int> Machine::all(Part::Kind kind) const {
  std::vector<int> out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].kind == kind) out.push_back(static_cast<int>(i));
  }
  return out;
}

int Machine::cpu_of(int index) const {
  while (part(index).parent >= 0) index = part(index).parent;
  return index;
}

void Machine::warn(const std::string& name, const std::string& part, const std::string& text) {
  auto found = std::find_if(warnings.begin(), warnings.end(),
                            [&](const Warning& warning) { return warning.name == name; });
  if (found == warnings.end()) found = warnings.insert(warnings.end(), {name, {}, text});
  if (!part.empty()) found->parts.push_back(part);
}

void Machine::remove(const std::vector<bool>& gone) {
  std::vector<int> now(parts.size(), -1);
  std::vector<Part> kept;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const int parent = parts[i].parent < 0 ? -1 : now[static_cast<std::size_t>(parts[i].parent)];
    if (gone[i]) {
      now[i] = parent;
      continue;
    }
    now[i] = static_cast<int>(kept.size());
    kept.push_back(std::move(parts[i]));
    kept.back().parent = parent;
  }
  const auto lost = [&](int index) { return index >= 0 && gone[static_cast<std::size_t>(index)]; };
  std::erase_if(nvlinks, [&](const NvLinks& each) { return lost(each.gpu) || lost(each.peer); });
  for (NvLinks& each : nvlinks) {
    each.gpu = now[static_cast<std::size_t>(each.gpu)];
    if (each.peer >= 0) each.peer = now[static_cast<std::size_t>(each.peer)];
  }
  parts = std::move(kept);
}

Error Machine::error(int index, const std::string& message, const std::string& found,
                     const std::string& expected) const {
  Error error = bad_input(message, found, expected);
  error.file = file;
  if (part(index).line > 0) error.position = "line " + std::to_string(part(index).line);
  return error;
}

std::string_view to_string(PathClass path) {
  constexpr std::array<std::string_view, 8> names{"X",   "NVL", "NVB", "PIX",
                                                  "PXB", "P2C", "PHB", "SYS"};
  return names[static_cast<std::size_t>(path)];
}

namespace {

int depth(const Machine& machine, int index) {
  int links = 0;
  for (; machine.part(index).parent >= 0; index = machine.part(index).parent) ++links;
  return links;
}

}  // namespace

PciePath pcie_path(const Machine& machine, int from, int to) {
  if (from == to) return {PathClass::self, 0};
  int links = 0;
  // Climb from the later part; indices fall toward the common ancestor.
  int a = from;
  int b = to;
  while (a != b) {
    if (machine.part(std::max(a, b)).parent < 0) {
      return {PathClass::sys, depth(machine, from) + depth(machine, to) + 1};
    }
    (a > b ? a : b) = machine.part(std::max(a, b)).parent;
    ++links;
  }
  if (machine.part(a).kind == Part::Kind::cpu) {
    const bool c2c = machine.part(from).c2c_bytes_per_s > 0 || machine.part(to).c2c_bytes_per_s > 0;
    return {c2c ? PathClass::p2c : PathClass::phb, links};
  }
  return {links <= 2 ? PathClass::pix : PathClass::pxb, links};
}

}  // namespace hsap::topo
