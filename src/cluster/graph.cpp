#include "cluster/graph.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace hsap {
namespace {

/// Keeps link ids and memory small: a link is 24 bytes.
constexpr std::int64_t max_cluster_links = std::int64_t{1} << 24;

const LinkCurve& curve_of(const ClusterSpec& spec, LinkClass link_class) {
  return spec.curves[static_cast<int>(link_class)];
}

Status check_size(const ClusterSpec& spec, int nodes, std::int64_t links_per_node) {
  const int by_gpus = max_cluster_gpus / spec.gpus_per_node();
  const int most = spec.max_nodes > 0 ? std::min(spec.max_nodes, by_gpus) : by_gpus;
  if (nodes < 1 || nodes > most) {
    Error error = bad_input("number of nodes out of range", std::to_string(nodes),
                            most == 1 ? "1 node" : fmt::format("from 1 to {} nodes", most));
    error.file = spec.file;
    return error;
  }
  if (nodes * links_per_node > max_cluster_links) {
    Error error = bad_input("cluster too large", fmt::format("{} links", nodes * links_per_node),
                            fmt::format("at most {} links", max_cluster_links));
    error.file = spec.file;
    return error;
  }
  return {};
}

Fabric make_fabric(const ClusterSpec& spec, int nodes, int nics, LinkId first_uplink) {
  Fabric fabric;
  fabric.pods = (nodes + spec.nodes_per_leaf - 1) / spec.nodes_per_leaf;
  fabric.leaves_per_pod = spec.rails ? nics : 1;
  fabric.spine = fabric.leaves() > 1 && curve_of(spec, LinkClass::fabric).bandwidth_bytes_per_s > 0;
  fabric.first_uplink = first_uplink;
  return fabric;
}

/// Without a spine, one leaf must be enough: one pod, and every rail reached from every GPU.
Status check_fabric(const ClusterSpec& spec, const Fabric& fabric, const NodeRoutes& routes) {
  if (fabric.spine) return {};
  const std::string expected = "an object 'fabric' (a spine), or NVLink between rails of one pod";
  if (fabric.pods > 1) {
    return disconnected(spec, "node0.gpu0", fmt::format("node{}.gpu0", spec.nodes_per_leaf),
                        expected);
  }
  if (fabric.leaves_per_pod == 1) return {};
  for (int from = 0; from < routes.gpus; ++from) {
    for (int to = 0; to < routes.gpus; ++to) {
      const int rail = routes.down[static_cast<std::size_t>(to)].rail;
      if (routes.leaving(from, rail).rail == rail) continue;
      return disconnected(spec, fmt::format("node0.gpu{}", from), fmt::format("node1.gpu{}", to),
                          expected);
    }
  }
  return {};
}

void add_both(std::vector<Link>& links, std::uint32_t from, std::uint32_t to, LinkClass link_class,
              double bandwidth) {
  links.push_back({from, to, link_class, bandwidth});
  links.push_back({to, from, link_class, bandwidth});
}

}  // namespace

/// Puts a Cluster::Graph together, stage by stage.
class Cluster::Builder {
 public:
  Builder(const ClusterSpec& spec, int nodes) : graph_(std::make_unique<Graph>()) {
    graph_->spec = spec;
    graph_->nodes = nodes;
    graph_->gpus_per_node = spec.gpus_per_node();
  }

  Result<std::unique_ptr<Graph>> build() && {
    Graph& graph = *graph_;
    const bool networked = graph.nodes > 1;
    const auto nics = std::count_if(
        graph.spec.devices.begin(), graph.spec.devices.end(),
        [](const auto& device) { return device.kind == ClusterSpec::DeviceKind::nic; });
    const std::size_t ports = networked ? static_cast<std::size_t>(nics) : 0;
    const std::size_t per_node = 2 * (graph.spec.links.size() + ports);
    HSAP_CHECK(check_size(graph.spec, graph.nodes, static_cast<std::int64_t>(per_node)));
    graph.links_per_node = static_cast<LinkId>(per_node);
    HSAP_TRY(graph.routes, node_routes(graph.spec, networked));
    if (networked) {
      graph.fabric = make_fabric(graph.spec, graph.nodes, graph.routes.nics,
                                 graph.links_per_node * static_cast<LinkId>(graph.nodes));
      HSAP_CHECK(check_fabric(graph.spec, graph.fabric, graph.routes));
    }
    for (int node = 0; node < graph.nodes; ++node) add_node(node);
    if (graph.fabric.spine) add_uplinks();
    if (networked && graph.spec.node_bandwidth_bytes_per_s > 0) add_node_ports();
    return std::move(graph_);
  }

 private:
  [[nodiscard]] std::uint32_t vertex(int node, std::size_t device) const {
    return static_cast<std::uint32_t>(static_cast<std::size_t>(node) * graph_->spec.devices.size() +
                                      device);
  }

  [[nodiscard]] std::uint32_t leaf_vertex(int leaf) const {
    return vertex(graph_->nodes, static_cast<std::size_t>(leaf));
  }

  void add_node(int node) {
    const ClusterSpec& spec = graph_->spec;
    for (const ClusterSpec::NodeLink& link : spec.links) {
      add_both(graph_->links, vertex(node, static_cast<std::size_t>(link.from)),
               vertex(node, static_cast<std::size_t>(link.to)), link.link_class,
               curve_of(spec, link.link_class).bandwidth_bytes_per_s * link.count);
    }
    if (graph_->nodes == 1) return;
    int rail = 0;
    for (std::size_t device = 0; device < spec.devices.size(); ++device) {
      if (spec.devices[device].kind != ClusterSpec::DeviceKind::nic) continue;
      add_both(graph_->links, vertex(node, device), leaf_vertex(graph_->leaf_of(node, rail)),
               LinkClass::nic, curve_of(spec, LinkClass::nic).bandwidth_bytes_per_s);
      ++rail;
    }
  }

  /// Each leaf's uplink carries what its NICs can send, over the oversubscription.
  void add_uplinks() {
    const Fabric& fabric = graph_->fabric;
    const int nics_per_node = graph_->routes.nics / fabric.leaves_per_pod;
    for (int leaf = 0; leaf < fabric.leaves(); ++leaf) {
      const int first_node = leaf / fabric.leaves_per_pod * graph_->spec.nodes_per_leaf;
      const int nodes = std::min(graph_->spec.nodes_per_leaf, graph_->nodes - first_node);
      add_both(
          graph_->links, leaf_vertex(leaf), leaf_vertex(fabric.leaves()), LinkClass::fabric,
          nodes * nics_per_node * curve_of(graph_->spec, LinkClass::fabric).bandwidth_bytes_per_s);
    }
  }

  void add_node_ports() {
    graph_->first_node_port = static_cast<LinkId>(graph_->links.size());
    const std::uint32_t first = leaf_vertex(graph_->fabric.leaves() + 1);
    const auto nodes = static_cast<std::uint32_t>(graph_->nodes);
    for (std::uint32_t node = 0; node < nodes; ++node) {
      add_both(graph_->links, first + node, first + nodes, LinkClass::nic,
               graph_->spec.node_bandwidth_bytes_per_s);
    }
  }

  std::unique_ptr<Graph> graph_;
};

std::string Cluster::Graph::vertex_name(std::uint32_t vertex) const {
  const std::size_t devices = spec.devices.size();
  const std::size_t first_leaf = static_cast<std::size_t>(nodes) * devices;
  if (vertex < first_leaf) {
    return fmt::format("node{}.{}", vertex / devices, spec.devices[vertex % devices].name);
  }
  const auto leaf = static_cast<int>(vertex - first_leaf);
  if (leaf == fabric.leaves()) return "spine";
  if (leaf > fabric.leaves()) {
    const int node = leaf - fabric.leaves() - 1;
    return node < nodes ? fmt::format("node{}.nics", node) : "network";
  }
  if (!spec.rails) return fmt::format("leaf{}", leaf);
  return fmt::format("rail{}.leaf{}", leaf % fabric.leaves_per_pod, leaf / fabric.leaves_per_pod);
}

Result<Cluster> Cluster::build(const ClusterSpec& spec, int nodes) {
  HSAP_TRY(auto graph, Builder(spec, nodes).build());
  return Cluster(std::move(graph));
}

}  // namespace hsap
