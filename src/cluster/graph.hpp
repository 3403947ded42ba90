#pragma once

#include <string>
#include <vector>

#include "cluster/node_routes.hpp"
#include "hsap/cluster.hpp"

namespace hsap {

/// The switches that join nodes. With rails NIC i of a node joins the leaf of rail i in the
/// node's pod, otherwise all NICs of a node join the one leaf of the pod. One spine joins leaves.
struct Fabric {
  int pods = 0;            ///< groups of nodes_per_leaf nodes
  int leaves_per_pod = 0;  ///< rails, or 1
  bool spine = false;
  LinkId first_uplink = 0;  ///< leaf f sends to the spine on first_uplink + 2f, receives on + 1
  [[nodiscard]] int leaves() const { return pods * leaves_per_pod; }
};

/// Everything a Cluster holds. Vertices: device d of node n is n * devices + d, then the leaves,
/// the spine, all NICs of each node as one, and the network as a whole. Links: those of node n
/// begin at n * links_per_node, numbered as in NodeRoutes; then the uplinks; then two for each
/// node, of all its NICs together, if they are limited.
struct Cluster::Graph {
  ClusterSpec spec;
  int nodes = 0;
  int gpus_per_node = 0;
  NodeRoutes routes;
  Fabric fabric;
  LinkId links_per_node = 0;
  LinkId first_node_port = 0;  ///< node n sends on first_node_port + 2n, receives on + 1; 0: none
  std::vector<Link> links;

  [[nodiscard]] int leaf_of(int node, int rail) const {
    const int pod = node / spec.nodes_per_leaf;
    return fabric.leaves_per_pod == 1 ? pod : pod * fabric.leaves_per_pod + rail;
  }
  /// Up one uplink to the spine and down another.
  [[nodiscard]] RoutePiece spine_piece(const std::array<LinkId, 2>& uplinks) const;
  [[nodiscard]] std::string vertex_name(std::uint32_t vertex) const;
};

}  // namespace hsap
