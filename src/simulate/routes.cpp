#include "simulate/routes.hpp"

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

std::vector<Route> routes_of(const Machine& machine, const Traffic& traffic,
                             const Placement& placement, int copy) {
  std::vector<Route> routes;
  routes.reserve(traffic.channels.size());
  for (const Channel& channel : traffic.channels) {
    routes.push_back(
        machine.route(placement.gpu(copy, channel.from), placement.gpu(copy, channel.to)));
  }
  return routes;
}

/// Notes who uses each link and joins a copy with earlier users.
void mark_links(const std::vector<Route>& routes, int copy, std::vector<int>& user,
                Neighbours& neighbours) {
  for (const Route& route : routes) {
    for (const LinkId link : route.links) {
      const int before = std::exchange(user[link], copy);
      if (before >= 0 && before != copy) neighbours.join(before, copy);
    }
  }
}

}  // namespace

Routes find_routes(const Machine& machine, const Traffic& traffic, const Placement& placement) {
  const int copies = placement.copies();
  if (copies == 1) return {{0}, routes_of(machine, traffic, placement, 0), {}};
  Neighbours neighbours(copies);
  std::vector<int> user(machine.links.size(), -1);
  std::vector<std::vector<Route>> all;
  for (int copy = 0; copy < copies; ++copy) {
    all.push_back(routes_of(machine, traffic, placement, copy));
    mark_links(all.back(), copy, user, neighbours);
  }
  Routes kept;
  for (int copy = 0; copy < copies; ++copy) {
    if (neighbours.find(copy) != neighbours.find(0)) continue;
    kept.copies.push_back(copy);
    kept.routes.insert(kept.routes.end(), all[copy].begin(), all[copy].end());
  }
  return kept;
}

}  // namespace hsap
