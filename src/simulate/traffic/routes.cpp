#include "simulate/traffic/routes.hpp"

#include <cstddef>
#include <numeric>
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

std::vector<int> coupled_copies(const Machine& machine, const Traffic& traffic,
                                const Placement& placement) {
  const int copies = placement.copies();
  if (copies == 1) return {0};
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
  std::vector<int> coupled;
  for (int copy = 0; copy < copies; ++copy) {
    if (neighbours.find(copy) == neighbours.find(0)) coupled.push_back(copy);
  }
  return coupled;
}

}  // namespace hsap
