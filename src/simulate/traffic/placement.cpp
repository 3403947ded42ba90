#include "simulate/traffic/placement.hpp"

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <set>
#include <utility>

namespace hsap {
namespace {

/// Copies joined by shared links: a union-find.
class Neighbours {
 public:
  explicit Neighbours(int copies) : parent_(static_cast<std::size_t>(copies)) {
    std::iota(parent_.begin(), parent_.end(), 0);
  }
  int find(int copy) {
    while (parent_[copy] != copy) copy = parent_[copy] = parent_[parent_[copy]];
    return copy;
  }
  void join(int a, int b) { parent_[find(a)] = find(b); }

 private:
  std::vector<int> parent_;
};

}  // namespace

std::vector<int> unlike_replicas(const Cluster& cluster, int group_gpus, int replicas) {
  // How far each kind of border is from the first GPU, where one lies inside the group.
  const auto border = [&](std::int64_t first, std::int64_t every) {
    const std::int64_t ahead = every - first % every;
    return ahead < group_gpus ? ahead : 0;
  };
  const std::int64_t node = cluster.gpus_per_node();
  const std::int64_t leaf = node * cluster.spec().nodes_per_leaf;
  std::set<std::pair<std::int64_t, std::int64_t>> seen;
  std::vector<int> unlike;
  for (int replica = 0; replica < replicas; ++replica) {
    const std::int64_t first = std::int64_t{replica} * group_gpus;
    if (seen.emplace(border(first, node), border(first, leaf)).second) unlike.push_back(replica);
  }
  return unlike;
}

std::vector<int> coupled_copies(const Machine& machine, const Traffic& traffic,
                                const Placement& placement) {
  const int copies = placement.copies();
  const int told = placement.told;
  if (copies == 1) return {told};
  Neighbours neighbours(copies);
  std::vector<int> user(machine.links.size(), -1);
  for (int copy = 0; copy < copies; ++copy) {
    for (const Channel& channel : traffic.channels) {
      const Route route =
          machine.route(placement.gpu(copy, channel.from), placement.gpu(copy, channel.to));
      for (const LinkId link : route.links) {
        const int before = std::exchange(user[link], copy);
        if (before >= 0 && before != copy) neighbours.join(before, copy);
      }
    }
  }
  std::vector<int> coupled{told};
  for (int copy = 0; copy < copies; ++copy) {
    if (copy != told && neighbours.find(copy) == neighbours.find(told)) coupled.push_back(copy);
  }
  return coupled;
}

}  // namespace hsap
