#include <algorithm>

#include "cluster/graph.hpp"

namespace hsap {
namespace {

/// Extends a route by a piece that follows it.
void extend(Route& route, const RoutePiece& piece) {
  route.latency_s += piece.latency_s;
  join(route.bandwidth_bytes_per_s, route.ramp_bytes, piece.bandwidth_bytes_per_s,
       piece.ramp_bytes);
}

Route begin_route(const RoutePiece& piece) {
  Route route;
  route.latency_s = piece.latency_s;
  route.ramp_bytes = piece.ramp_bytes;
  route.bandwidth_bytes_per_s = piece.bandwidth_bytes_per_s;
  return route;
}

}  // namespace

RoutePiece Cluster::Graph::spine_piece(const std::array<LinkId, 2>& uplinks) const {
  const LinkCurve& curve = spec.curves[static_cast<int>(LinkClass::fabric)];
  RoutePiece piece;
  piece.latency_s = 2 * curve.latency_s;
  piece.ramp_bytes = curve.ramp_bytes;
  piece.bandwidth_bytes_per_s =
      std::min(links[uplinks[0]].bandwidth_bytes_per_s, links[uplinks[1]].bandwidth_bytes_per_s);
  return piece;
}

Cluster::Cluster(std::unique_ptr<Graph> graph) : graph_(std::move(graph)) {}
Cluster::Cluster(Cluster&&) noexcept = default;
Cluster& Cluster::operator=(Cluster&&) noexcept = default;
Cluster::~Cluster() = default;

const ClusterSpec& Cluster::spec() const { return graph_->spec; }
int Cluster::nodes() const { return graph_->nodes; }
int Cluster::gpus_per_node() const { return graph_->gpus_per_node; }
int Cluster::gpus() const { return graph_->nodes * graph_->gpus_per_node; }
std::span<const Link> Cluster::links() const { return graph_->links; }

std::string Cluster::link_name(LinkId link) const {
  const Link& ends = graph_->links[link];
  return graph_->vertex_name(ends.from) + " -> " + graph_->vertex_name(ends.to);
}

Route Cluster::route(int from_gpu, int to_gpu) const {
  const Graph& graph = *graph_;
  const int from_node = from_gpu / graph.gpus_per_node;
  const int to_node = to_gpu / graph.gpus_per_node;
  const int from = from_gpu - from_node * graph.gpus_per_node;
  const int to = to_gpu - to_node * graph.gpus_per_node;
  const LinkId from_shift = static_cast<LinkId>(from_node) * graph.links_per_node;
  const LinkId to_shift = static_cast<LinkId>(to_node) * graph.links_per_node;
  if (from_node == to_node) {
    const RoutePiece& piece = graph.routes.between(from, to);
    Route route = begin_route(piece);
    route.links = LinkPath({graph.routes.links(piece), from_shift});
    return route;
  }
  const RoutePiece& down = graph.routes.down[static_cast<std::size_t>(to)];
  const RoutePiece& up = graph.routes.leaving(from, down.rail);
  Route route = begin_route(up);
  extend(route, down);
  route.inter_node = true;
  std::size_t fabric_links = 0;
  std::array<LinkId, 4> fabric{};
  if (graph.first_node_port > 0) {
    fabric[fabric_links++] = graph.first_node_port + static_cast<LinkId>(2 * from_node);
    fabric[fabric_links++] = graph.first_node_port + static_cast<LinkId>(2 * to_node + 1);
  }
  const int from_leaf = graph.leaf_of(from_node, up.rail);
  const int to_leaf = graph.leaf_of(to_node, down.rail);
  if (from_leaf != to_leaf) {
    const std::array<LinkId, 2> uplinks = {
        graph.fabric.first_uplink + static_cast<LinkId>(2 * from_leaf),
        graph.fabric.first_uplink + static_cast<LinkId>(2 * to_leaf + 1)};
    extend(route, graph.spine_piece(uplinks));
    // What enters a leaf fits its uplink unless it is oversubscribed: then it cannot limit.
    if (graph.spec.oversubscription > 1) {
      for (const LinkId link : uplinks) fabric[fabric_links++] = link;
    }
  }
  route.links = LinkPath({graph.routes.links(up), from_shift}, fabric, fabric_links,
                         {graph.routes.links(down), to_shift});
  return route;
}

}  // namespace hsap
