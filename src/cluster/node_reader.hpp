#pragma once

#include "base/json.hpp"
#include "hsap/cluster.hpp"

namespace hsap {

/// Limits on what one node may hold.
inline constexpr int max_node_gpus = 1024;
inline constexpr int max_node_devices = 4096;
inline constexpr int max_node_links = 16384;

/// Reads the "node" object: devices by kind and links between ranges of them. The link classes
/// of `spec` must have been read before. Errors are kept in `root`.
void read_node(json::Object& root, ClusterSpec& spec);

}  // namespace hsap
