#include "cluster/import/paths.hpp"

#include <algorithm>

namespace hsap::topo {
namespace {

/// GPUs by NVLink: the GPU itself, those one step away, and those more steps away.
std::map<int, PathClass> nvlink_reach(const Machine& machine, int gpu) {
  std::map<int, PathClass> reached{{gpu, PathClass::self}};
  std::vector<int> edge{gpu};
  for (PathClass path = PathClass::nvl; !edge.empty(); path = PathClass::nvb) {
    std::vector<int> next;
    const auto reach = [&](int from, int to) {
      const bool here = std::find(edge.begin(), edge.end(), from) != edge.end();
      if (here && reached.emplace(to, path).second) next.push_back(to);
    };
    for (const NvLinks& links : machine.nvlinks) {
      reach(links.gpu, links.peer);
      reach(links.peer, links.gpu);
    }
    // A switch is no step of its own: what it holds is as near as it is.
    const bool at_switch = std::erase(next, NvLinks::to_switch) > 0;
    for (const NvLinks& links : machine.nvlinks) {
      if (!at_switch || links.peer != NvLinks::to_switch) continue;
      if (reached.emplace(links.gpu, path).second) next.push_back(links.gpu);
    }
    edge = std::move(next);
  }
  return reached;
}

}  // namespace

std::vector<std::vector<PathClass>> path_classes(const Machine& machine,
                                                 const std::vector<int>& devices,
                                                 std::size_t gpus) {
  std::vector<std::vector<PathClass>> out;
  for (std::size_t i = 0; i < gpus; ++i) {
    const std::map<int, PathClass> reached = nvlink_reach(machine, devices[i]);
    out.emplace_back();
    for (const int other : devices) {
      const auto found = reached.find(other);
      out.back().push_back(found == reached.end() ? pcie_path(machine, devices[i], other).path
                                                  : found->second);
    }
  }
  return out;
}

std::map<std::vector<int>, std::vector<int>> gpus_by_nics(const Machine& machine) {
  std::map<std::vector<int>, std::vector<int>> out;
  const std::vector<int> nics = machine.all(Part::Kind::nic);
  for (const int gpu : machine.all(Part::Kind::gpu)) {
    std::vector<int> nearest;
    PciePath best;
    for (const int nic : nics) {
      const PciePath path = pcie_path(machine, gpu, nic);
      if (nearest.empty() || path < best) {
        nearest.clear();
        best = path;
      }
      if (path == best) nearest.push_back(nic);
    }
    out[nearest].push_back(gpu);
  }
  return out;
}

}  // namespace hsap::topo
