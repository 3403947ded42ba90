#pragma once

#include <span>
#include <vector>

#include "fabric.hpp"

namespace hsap {

/// When SimGrid says that each transfer of each fabric ends, in seconds. Its model is set to pure
/// max-min sharing: CM02 without latencies, TCP windows, traffic of acknowledgements or
/// correction factors. The fabrics share no links and run side by side on one platform, in a
/// child process, since a process has one SimGrid engine. Empty when the child fails.
std::vector<std::vector<double>> simgrid_ends(std::span<const Fabric> fabrics);

}  // namespace hsap
