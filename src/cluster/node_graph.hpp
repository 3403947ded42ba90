#pragma once

#include <boost/graph/adjacency_list.hpp>
#include <limits>
#include <tuple>
#include <vector>

#include "hsap/cluster.hpp"

namespace hsap {

/// Length of a way: seconds of latency first, then the number of links.
struct WayCost {
  double latency_s = std::numeric_limits<double>::infinity();
  int links = 0;
  friend bool operator==(const WayCost&, const WayCost&) = default;
  friend bool operator<(const WayCost& a, const WayCost& b) {
    return std::tie(a.latency_s, a.links) < std::tie(b.latency_s, b.links);
  }
};

/// Shortest ways from one device of a node to all others.
struct WayTree {
  std::vector<WayCost> cost;  ///< by device; infinite where there is no way
  std::vector<LinkId> last;   ///< by device: the directed link that a way arrives on
  [[nodiscard]] bool reaches(int device) const;
};

/// The devices of one node. Link i of the cluster file is the directed links 2i (from, to) and
/// 2i + 1 (to, from).
class NodeGraph {
 public:
  explicit NodeGraph(const ClusterSpec& spec);

  /// Ways over NVLink alone; GPUs on the way may pass data on.
  [[nodiscard]] WayTree nvlink_ways(int from) const;
  /// Ways over every link, through switches and CPUs but not through other GPUs or NICs.
  [[nodiscard]] WayTree all_ways(int from) const;
  /// The directed links from the root of `tree` to `device`, which it must reach.
  [[nodiscard]] std::vector<LinkId> links_to(const WayTree& tree, int device) const;

 private:
  struct Edge {
    LinkId id = 0;
    WayCost cost;
  };
  using Graph =
      boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, boost::no_property, Edge>;
  enum class Allow { nvlink, all };
  class Filter;

  [[nodiscard]] WayTree ways(int from, Allow allow) const;

  const ClusterSpec& spec_;
  Graph graph_;
};

}  // namespace hsap
