#include "apps/topo/draw/draw.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include "apps/topo/draw/canvas.hpp"
#include "base/units.hpp"

namespace hsap::apps {
namespace {

std::string range(const std::string& stem, int first, int last, const std::string& tail = {}) {
  if (first == last) return fmt::format("{}{}{}", stem, first, tail);
  return fmt::format("{}{}{} .. {}{}{}", stem, first, tail, stem, last, tail);
}

int nics_of(const ClusterSpec& spec) {
  return static_cast<int>(std::count_if(spec.devices.begin(), spec.devices.end(), [](auto& d) {
    return d.kind == ClusterSpec::DeviceKind::nic;
  }));
}

std::string heading(const Cluster& cluster, bool color) {
  const ClusterSpec& spec = cluster.spec();
  const std::string size =
      cluster.nodes() == 1 ? fmt::format("{} GPU{}", cluster.gpus(), cluster.gpus() == 1 ? "" : "s")
                           : fmt::format("{} nodes x {} GPUs = {} GPUs", cluster.nodes(),
                                         cluster.gpus_per_node(), cluster.gpus());
  const std::string host =
      spec.host_memory_bytes > 0
          ? fmt::format(", {} of host memory a node", format_bytes(spec.host_memory_bytes))
          : "";
  return fmt::format("{}: {}, {}{}\n", paint(spec.name, Ink::strong, color), size, spec.device.name,
                     host);
}

/// The leaves of one pod and the nodes under them.
std::string pod_line(const Cluster& cluster, int pod) {
  const ClusterSpec& spec = cluster.spec();
  const int first = pod * spec.nodes_per_leaf;
  const int last = std::min(first + spec.nodes_per_leaf, cluster.nodes()) - 1;
  const std::string leaves = spec.rails
                                 ? range("rail", 0, nics_of(spec) - 1, fmt::format(".leaf{}", pod))
                                 : fmt::format("leaf{}", pod);
  return fmt::format("{} ── {}", leaves, range("node", first, last));
}

/// The first leaf's link to the spine, or null.
const Link* first_uplink(const Cluster& cluster) {
  const auto found =
      std::find_if(cluster.links().begin(), cluster.links().end(),
                   [](const Link& link) { return link.link_class == LinkClass::fabric; });
  return found == cluster.links().end() ? nullptr : &*found;
}

/// Spine, leaves and nodes as a tree; long lists of pods are cut in the middle.
std::string draw_network(const Cluster& cluster, bool color) {
  constexpr int shown = 4;
  if (cluster.nodes() == 1) return {};
  const ClusterSpec& spec = cluster.spec();
  const int pods = (cluster.nodes() + spec.nodes_per_leaf - 1) / spec.nodes_per_leaf;
  const bool spine = first_uplink(cluster) != nullptr;
  std::string out = paint("network", Ink::strong, color) + "  ";
  out += spec.rails ? "NIC k of every node joins rail k" : "all NICs of a node join its leaf";
  if (spine) {
    out += spec.oversubscription > 1
               ? fmt::format("; uplinks oversubscribed {:g} to 1\n  spine", spec.oversubscription)
               : "; no oversubscription\n  spine";
  }
  out += "\n";
  for (int pod = 0; pod < pods; ++pod) {
    if (pods > shown && pod == shown - 2) {
      out += fmt::format("   {}  {} more\n", spine ? "┆" : " ", pods - shown + 1);
      pod = pods - 1;
    }
    const char* branch = pod + 1 == pods ? "└── " : "├── ";
    out +=
        std::string(spine ? "   " : "  ") + (spine ? branch : "") + pod_line(cluster, pod) + "\n";
  }
  return out + "\n";
}

std::string row(const std::string& name, const std::string& count, double bandwidth,
                const std::string& latency, const std::string& ramp) {
  return fmt::format("  {:<10}{:>10}{:>14}{:>12}{:>17}\n", name, count, format_rate(bandwidth),
                     latency, ramp);
}

std::string class_row(const std::string& name, const std::string& count, double bandwidth,
                      const LinkCurve& curve) {
  return row(name, count, bandwidth, format_seconds(curve.latency_s),
             curve.ramp_bytes > 0 ? format_bytes(curve.ramp_bytes) : "-");
}

/// A row per link class and number of lanes, one for what a GPU reaches of its host's memory, and
/// one for what a node's NICs are limited to.
std::string draw_classes(const Cluster& cluster, bool color) {
  const ClusterSpec& spec = cluster.spec();
  std::map<std::pair<LinkClass, double>, int> counts;
  for (const ClusterSpec::NodeLink& link : spec.links) ++counts[{link.link_class, link.count}];
  if (cluster.nodes() > 1) counts[{LinkClass::nic, 1}] += nics_of(spec);
  std::string out;
  for (const auto& [kind, count] : counts) {
    const auto& [link_class, lanes] = kind;
    const LinkCurve& curve = spec.curves[static_cast<int>(link_class)];
    const std::string name(to_string(link_class));
    out += class_row(lanes == 1 ? name : fmt::format("{} x{:g}", name, lanes),
                     fmt::format("{} a node", count), curve.bandwidth_bytes_per_s * lanes, curve);
  }
  if (spec.device.host_bandwidth_bytes_per_s > 0) {
    out += row("GPU-host", fmt::format("{} a node", spec.gpus_per_node()),
               spec.device.host_bandwidth_bytes_per_s, "-", "-");
  }
  if (cluster.nodes() > 1 && spec.node_bandwidth_bytes_per_s > 0) {
    out += row("all NICs", "1 a node", spec.node_bandwidth_bytes_per_s, "-", "-");
  }
  if (const Link* uplink = first_uplink(cluster)) {
    out += class_row("fabric", "1 a leaf", uplink->bandwidth_bytes_per_s,
                     spec.curves[static_cast<int>(LinkClass::fabric)]);
  }
  if (out.empty()) return {};
  const std::string head = fmt::format("{:<12}{:>10}{:>14}{:>12}{:>17}\n", "links", "number",
                                       "bandwidth", "latency", "half speed at");
  return paint(head, Ink::strong, color) + out + "\n";
}

/// Pairs of GPUs that see the same numbers, told apart by where they sit.
struct Group {
  int scope = 0;  ///< 0 same node, 1 same pod, 2 other pod
  double latency_s = 0;
  double bandwidth_bytes_per_s = 0;
  std::string words;
  friend bool operator<(const Group& a, const Group& b) {
    return std::tie(a.scope, a.latency_s, a.bandwidth_bytes_per_s, a.words) <
           std::tie(b.scope, b.latency_s, b.bandwidth_bytes_per_s, b.words);
  }
};

bool uses(const Cluster& cluster, const Route& route, LinkClass link_class) {
  return std::any_of(route.links.begin(), route.links.end(),
                     [&](LinkId link) { return cluster.links()[link].link_class == link_class; });
}

/// Whether a route between nodes leaves and enters by NICs of the same number: those at the two
/// links between a device and what is none, a leaf.
bool keeps_rail(const Cluster& cluster, const Route& route) {
  const std::size_t devices = cluster.spec().devices.size();
  const std::size_t all_devices = static_cast<std::size_t>(cluster.nodes()) * devices;
  std::vector<std::size_t> nics;
  for (const LinkId id : route.links) {
    const Link& link = cluster.links()[id];
    if ((link.from < all_devices) == (link.to < all_devices)) continue;
    nics.push_back((link.from < all_devices ? link.from : link.to) % devices);
  }
  return nics.front() == nics.back();
}

std::string words_for(const Cluster& cluster, const Route& route, int scope) {
  const bool nvlink = uses(cluster, route, LinkClass::nvlink);
  if (scope == 0) {
    if (nvlink) return "same node, NVLink";
    return uses(cluster, route, LinkClass::socket) ? "same node, PCIe, other socket"
                                                   : "same node, PCIe";
  }
  std::string where = scope == 2 ? "other pod" : "other node";
  if (!cluster.spec().rails) return where;
  if (nvlink) return where + ", other rail over NVLink";
  return where + (keeps_rail(cluster, route) ? ", same rail" : ", other rail over the spine");
}

/// Adds the groups of all pairs between node 0 and `node`, each with its first pair.
void add_groups(const Cluster& cluster, int node, std::map<Group, std::string>& groups) {
  constexpr int most_sources = 128;
  const int gpus = cluster.gpus_per_node();
  const int scope = node == 0 ? 0 : node < cluster.spec().nodes_per_leaf ? 1 : 2;
  for (int from = 0; from < std::min(gpus, most_sources); ++from) {
    for (int to = 0; to < gpus; ++to) {
      if (node == 0 && from == to) continue;
      const Route route = cluster.route(from, node * gpus + to);
      const Group group{scope, route.latency_s, route.bandwidth_bytes_per_s,
                        words_for(cluster, route, scope)};
      groups.emplace(group, scope == 0
                                ? fmt::format("gpu{} -> gpu{}", from, to)
                                : fmt::format("node0.gpu{} -> node{}.gpu{}", from, node, to));
    }
  }
}

std::string draw_routes(const Cluster& cluster, bool color) {
  std::map<Group, std::string> groups;
  add_groups(cluster, 0, groups);
  if (cluster.nodes() > 1) add_groups(cluster, 1, groups);
  const int far = cluster.spec().nodes_per_leaf;
  if (far > 1 && far < cluster.nodes()) add_groups(cluster, far, groups);
  if (groups.empty()) return {};
  const std::string head = fmt::format("{:<38}{:>14}{:>12}   {}\n", "one message alone",
                                       "bandwidth", "latency", "for example");
  std::string out = paint(head, Ink::strong, color);
  for (const auto& [group, pair] : groups) {
    out += fmt::format("  {:<36}{:>14}{:>12}   {}\n", group.words,
                       format_rate(group.bandwidth_bytes_per_s), format_seconds(group.latency_s),
                       pair);
  }
  return out;
}

}  // namespace

std::string draw(const Cluster& cluster, bool color) {
  const std::string title =
      cluster.nodes() == 1
          ? "node0"
          : fmt::format("{}, alike (x{})", range("node", 0, cluster.nodes() - 1), cluster.nodes());
  return heading(cluster, color) + "\n" + draw_node(cluster.spec(), title, color) + "\n" +
         draw_network(cluster, color) + draw_classes(cluster, color) + draw_routes(cluster, color);
}

}  // namespace hsap::apps
