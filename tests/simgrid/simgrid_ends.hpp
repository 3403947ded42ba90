#pragma once

#include <span>
#include <vector>

#include "fabric.hpp"

namespace hsap {

/// When SimGrid, with pure max-min sharing, says that each transfer of each fabric ends, in
/// seconds. The fabrics share no links and run side by side on one platform, in a child process,
/// since a process has one SimGrid engine. Empty when the child fails.
std::vector<std::vector<double>> simgrid_ends(std::span<const Fabric> fabrics);

}  // namespace hsap
