#include "cluster/import/peers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace hsap::topo {
namespace {

constexpr const char* missing_gpus =
    "NVLinks or numbers ('dev') tell of GPUs that the file does not hold, as in dumps of jobs on "
    "some of the GPUs; the node has those that are there";

/// Links by their two ends, as each end counts them.
using Ends = std::map<std::pair<int, int>, int>;

Ends find_ends(Machine& machine, const std::vector<ListedPeer>& listed,
               const PartsByName& by_name) {
  Ends ends;
  for (const ListedPeer& peer : listed) {
    const Part& gpu = machine.part(peer.gpu);
    const auto found = by_name.find({gpu.host, peer.target});
    if (found == by_name.end() || machine.part(found->second).kind != Part::Kind::gpu) {
      machine.warn("missing-gpus", peer.target, missing_gpus);
    } else if (found->second == peer.gpu) {
      machine.warn("nvlink-to-self", gpu.name,
                   "NVLinks that lead back to their own GPU are left out, as virtual machines hide "
                   "the true peer");
    } else {
      ends[{peer.gpu, found->second}] += peer.count;
    }
  }
  return ends;
}

}  // namespace

void add_nvlinks(Machine& machine, int gpu, int peer, int links) {
  // Far more than any GPU has, and no overflow.
  constexpr int most = 1024;
  for (NvLinks& each : machine.nvlinks) {
    if (each.gpu != gpu || each.peer != peer) continue;
    each.links = std::min(each.links + links, most);
    return;
  }
  machine.nvlinks.push_back({gpu, peer, std::min(links, most)});
}

void resolve_peers(Machine& machine, const std::vector<ListedPeer>& listed,
                   const PartsByName& by_name) {
  const Ends ends = find_ends(machine, listed, by_name);
  for (const auto& [pair, count] : ends) {
    const auto [gpu, peer] = pair;
    const auto back = ends.find({peer, gpu});
    if (back != ends.end() && peer < gpu) continue;
    const int other = back == ends.end() ? count : back->second;
    if (other != count) {
      machine.warn("uneven-nvlinks", machine.part(gpu).name + " and " + machine.part(peer).name,
                   "the two ends of NVLinks count differently; the lower number is taken");
    }
    add_nvlinks(machine, gpu, peer, std::min(count, other));
  }
}

void note_missing_gpus(Machine& machine) {
  std::map<std::string, std::set<int>> numbers;
  for (const Part& part : machine.parts) {
    if (part.kind == Part::Kind::gpu && part.order) numbers[part.host].insert(*part.order);
  }
  for (const auto& [host, present] : numbers) {
    constexpr int most_told = 16;
    int told = 0;
    for (int i = 0; i < *present.rbegin() && told < most_told; ++i) {
      if (present.count(i) > 0) continue;
      machine.warn("missing-gpus", fmt::format("dev {}", i), missing_gpus);
      ++told;
    }
  }
}

}  // namespace hsap::topo
