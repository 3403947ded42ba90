#pragma once

#include <vector>

#include "hsap/cluster.hpp"
#include "hsap/schedule.hpp"
#include "simulate/machine.hpp"
#include "simulate/traffic.hpp"

namespace hsap {

/// The ways of all channels, for each copy of the group that is simulated.
struct Routes {
  std::vector<int> copies;    ///< numbers of the copies, the first is 0
  std::vector<Route> routes;  ///< by copy, then channel
};

/// Looks up all routes. Of `replicas` copies those are kept that can slow down the first one:
/// they share a link with it, or with a copy that does.
[[nodiscard]] Routes find_routes(const Machine& machine, const Traffic& traffic, Rank ranks,
                                 int replicas);

}  // namespace hsap
