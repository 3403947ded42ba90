#pragma once

#include <string>

#include "hsap/cluster.hpp"

namespace hsap::apps {

/// The machine as a person would draw it, in at most 100 columns of UTF-8: one node as a box, how
/// nodes are joined, the numbers of each link class, and what a message meets between two GPUs.
[[nodiscard]] std::string draw(const Cluster& cluster, bool color);

/// The box of one node, for draw(): sockets side by side, NICs above, GPUs and NVSwitches below.
[[nodiscard]] std::string draw_node(const ClusterSpec& spec, const std::string& title, bool color);

}  // namespace hsap::apps
