#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "hsap/cluster.hpp"

namespace hsap {

/// No machine is this deep; a chain of thousands of devices would only fill memory.
inline constexpr int max_way_links = 64;

/// Joins a route and a link or piece that follows it. A message passes them at the same time, so
/// the slowest of them sets the pace, and the longest of their ramps, in seconds, is what it waits
/// for.
inline void join(double& bandwidth, double& ramp_bytes, double next_bandwidth,
                 double next_ramp_bytes) {
  const double least = std::min(bandwidth, next_bandwidth);
  ramp_bytes =
      std::max(ramp_bytes * (least / bandwidth), next_ramp_bytes * (least / next_bandwidth));
  bandwidth = least;
}

/// A piece of a route inside one node, from a GPU to a GPU or between a GPU and a leaf switch.
struct RoutePiece {
  std::uint32_t first = 0;  ///< into NodeRoutes::ids
  std::uint32_t count = 0;
  double latency_s = 0;
  double ramp_bytes = 0;
  double bandwidth_bytes_per_s = std::numeric_limits<double>::infinity();
  int rail = 0;  ///< the NIC it leaves or enters by, counted among the NICs of the node
};

/// All routes inside a node and in and out of it, the same for every node. Directed links are
/// numbered as in NodeGraph; after them NIC k's way to its leaf switch is 2(L + k) and the way
/// back 2(L + k) + 1, for L links in the file.
struct NodeRoutes {
  int gpus = 0;
  int nics = 0;
  std::vector<LinkId> ids;
  std::vector<RoutePiece> inside;  ///< [gpus x gpus]: from, to
  std::vector<RoutePiece> up;      ///< [gpus x nics]: from, rail of the destination; [gpus] without
                                   ///< rails, where the way does not depend on it
  std::vector<RoutePiece> down;    ///< [gpus]: to

  [[nodiscard]] const RoutePiece& between(int from, int to) const;
  [[nodiscard]] const RoutePiece& leaving(int from, int rail_of_destination) const;
  [[nodiscard]] std::span<const LinkId> links(const RoutePiece& piece) const;
};

/// Finds them. `networked`: the ways out and in are wanted too. Errors: two GPUs of the node
/// without a way, or a GPU without a way to a NIC, or a
/// way of more than max_way_links links.
[[nodiscard]] Result<NodeRoutes> node_routes(const ClusterSpec& spec, bool networked);

/// "disconnected graph" with the two devices that have no way between them.
[[nodiscard]] Error disconnected(const ClusterSpec& spec, const std::string& from,
                                 const std::string& to, const std::string& expected);

}  // namespace hsap
