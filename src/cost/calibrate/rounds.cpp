#include "cost/calibrate/rounds.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <unordered_map>

namespace hsap::fit {
namespace {

using Loads = std::unordered_map<LinkId, int>;

Loads loads_of(const Cluster& cluster, const Pattern& pattern) {
  Loads loads;
  for (const Transfer& pair : pattern.transfers) {
    for (const LinkId link : cluster.route(pair.from, pair.to).links) ++loads[link];
  }
  return loads;
}

/// Adds one route: a route between nodes counts for the pattern before any inside.
void add_route(const Cluster& cluster, const Route& route, Shape& shape) {
  int nvlinks = 0;
  for (const LinkId link : route.links) {
    if (cluster.links()[link].link_class == LinkClass::nvlink) ++nvlinks;
  }
  if (!route.inter_node) {
    shape.over_nvlink = shape.over_nvlink && nvlinks == static_cast<int>(route.links.size());
  }
  const bool leads = route.inter_node && !shape.inter_node;
  const bool counts = route.inter_node == shape.inter_node || leads;
  shape.inter_node = shape.inter_node || route.inter_node;
  if (leads || (counts && route.latency_s >= shape.latency_s)) {
    shape.latency_s = route.latency_s;
    shape.nvlinks = nvlinks;
  }
}

double node_share_of(const Cluster& cluster, const Pattern& pattern) {
  std::map<int, std::pair<int, int>> nodes;  // messages out and in
  int most = 0;
  for (const Transfer& pair : pattern.transfers) {
    const int from = cluster.node_of(pair.from);
    const int to = cluster.node_of(pair.to);
    if (from == to) continue;
    most = std::max({most, ++nodes[from].first, ++nodes[to].second});
  }
  return most;
}

}  // namespace

Shape shape_of(const Cluster& cluster, const Pattern& pattern) {
  Shape shape;
  shape.over_nvlink = true;
  for (const Transfer& pair : pattern.transfers) {
    add_route(cluster, cluster.route(pair.from, pair.to), shape);
  }
  const auto rate = [&](LinkClass of) {
    return cluster.spec().curves[static_cast<int>(of)].bandwidth_bytes_per_s;
  };
  // NICs of a node together are a link of the same class that is wider than any one of them.
  const double node_rate = cluster.spec().node_bandwidth_bytes_per_s;
  for (const auto& [id, load] : loads_of(cluster, pattern)) {
    const Link& link = cluster.links()[id];
    if (link.link_class == LinkClass::nvlink) {
      const double lanes = link.bandwidth_bytes_per_s / rate(LinkClass::nvlink);
      shape.nvlink_share = std::max(shape.nvlink_share, load / lanes);
    } else if (link.link_class == LinkClass::nic && link.bandwidth_bytes_per_s != node_rate) {
      const double lanes = link.bandwidth_bytes_per_s / rate(LinkClass::nic);
      shape.nic_share = std::max(shape.nic_share, load / lanes);
    }
  }
  shape.node_share = node_share_of(cluster, pattern);
  return shape;
}

double round_seconds(const Cluster& cluster, const Pattern& pattern, double bytes) {
  const Loads loads = loads_of(cluster, pattern);
  double longest = 0;
  for (const Transfer& pair : pattern.transfers) {
    const Route route = cluster.route(pair.from, pair.to);
    double moving = (bytes + route.ramp_bytes) / route.bandwidth_bytes_per_s;
    for (const LinkId link : route.links) {
      moving =
          std::max(moving, loads.at(link) * bytes / cluster.links()[link].bandwidth_bytes_per_s);
    }
    longest = std::max(longest, route.latency_s + moving);
  }
  return longest;
}

}  // namespace hsap::fit
