#pragma once

#include "base/json.hpp"
#include "hsap/cluster.hpp"

namespace hsap {

/// A cluster with every default and override in place, in the format of a cluster file
/// (docs/cluster-format.md): written to a file it can be given to --cluster.
[[nodiscard]] json::Ordered to_json(const ClusterSpec& spec);

}  // namespace hsap
