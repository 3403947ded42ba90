#include "cluster/node_graph.hpp"

#include <algorithm>
#include <boost/graph/dijkstra_shortest_paths.hpp>
#include <boost/graph/filtered_graph.hpp>
#include <cmath>

namespace hsap {
namespace {

using DeviceKind = ClusterSpec::DeviceKind;

struct Add {
  WayCost operator()(const WayCost& a, const WayCost& b) const {
    return {a.latency_s + b.latency_s, a.links + b.links};
  }
};

bool passes_on(DeviceKind kind) { return kind != DeviceKind::gpu && kind != DeviceKind::nic; }

}  // namespace

bool WayTree::reaches(int device) const {
  return std::isfinite(cost[static_cast<std::size_t>(device)].latency_s);
}

/// Which directed links ways from one device may use.
class NodeGraph::Filter {
 public:
  Filter() = default;  // wanted by Boost's iterators
  Filter(const NodeGraph& node, int from, Allow allow) : node_(&node), from_(from), allow_(allow) {}

  bool operator()(const Graph::edge_descriptor& edge) const {
    const ClusterSpec& spec = node_->spec_;
    if (allow_ == Allow::nvlink) {
      return spec.links[node_->graph_[edge].id / 2].link_class == LinkClass::nvlink;
    }
    const auto device = edge.m_source;
    return static_cast<int>(device) == from_ || passes_on(spec.devices[device].kind);
  }

 private:
  const NodeGraph* node_ = nullptr;
  int from_ = 0;
  Allow allow_ = Allow::all;
};

NodeGraph::NodeGraph(const ClusterSpec& spec) : spec_(spec), graph_(spec.devices.size()) {
  for (std::size_t i = 0; i < spec.links.size(); ++i) {
    const ClusterSpec::NodeLink& link = spec.links[i];
    const WayCost cost{spec.curves[static_cast<int>(link.link_class)].latency_s, 1};
    const auto from = static_cast<std::size_t>(link.from);
    const auto to = static_cast<std::size_t>(link.to);
    boost::add_edge(from, to, Edge{static_cast<LinkId>(2 * i), cost}, graph_);
    boost::add_edge(to, from, Edge{static_cast<LinkId>(2 * i + 1), cost}, graph_);
  }
}

WayTree NodeGraph::nvlink_ways(int from) const { return ways(from, Allow::nvlink); }
WayTree NodeGraph::all_ways(int from) const { return ways(from, Allow::all); }

WayTree NodeGraph::ways(int from, Allow allow) const {
  const Filter filter(*this, from, allow);
  const boost::filtered_graph<Graph, Filter> allowed(graph_, filter);
  WayTree tree;
  tree.cost.resize(spec_.devices.size());
  tree.last.resize(spec_.devices.size());
  std::vector<boost::default_color_type> colours(spec_.devices.size());
  boost::dijkstra_shortest_paths(
      allowed, static_cast<std::size_t>(from), boost::dummy_property_map(), tree.cost.data(),
      boost::get(&Edge::cost, graph_), boost::get(boost::vertex_index, graph_),
      std::less<WayCost>(), Add(), WayCost{}, WayCost{0, 0}, boost::default_dijkstra_visitor(),
      colours.data());
  // Of equally short ways the one through the first device, then over the first link.
  std::vector<std::size_t> before(spec_.devices.size(), spec_.devices.size());
  for (const auto& edge : boost::make_iterator_range(boost::edges(allowed))) {
    const std::size_t u = boost::source(edge, allowed);
    const std::size_t v = boost::target(edge, allowed);
    const bool shortest = tree.reaches(static_cast<int>(u)) &&
                          v != static_cast<std::size_t>(from) &&
                          Add()(tree.cost[u], graph_[edge].cost) == tree.cost[v];
    if (shortest && u < before[v]) {
      before[v] = u;
      tree.last[v] = graph_[edge].id;
    }
  }
  return tree;
}

std::vector<LinkId> NodeGraph::links_to(const WayTree& tree, int device) const {
  std::vector<LinkId> out;
  const auto count = static_cast<std::size_t>(tree.cost[static_cast<std::size_t>(device)].links);
  while (out.size() < count) {
    const LinkId id = tree.last[static_cast<std::size_t>(device)];
    out.push_back(id);
    const ClusterSpec::NodeLink& link = spec_.links[id / 2];
    device = id % 2 == 0 ? link.from : link.to;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace hsap
