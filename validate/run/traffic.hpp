#pragma once

#include <cstdint>

#include "hsap/execute.hpp"

namespace hsap::validation {

/// Bytes by how far they go: to the rank itself, inside a node, between nodes.
struct LinkBytes {
  std::int64_t local = 0;
  std::int64_t node = 0;
  std::int64_t network = 0;

  friend bool operator==(const LinkBytes&, const LinkBytes&) = default;
};

/// What the schedule says will be sent: every transfer, and of a collective what its ring
/// algorithm passes between neighbours. `node_ranks` consecutive ranks share a node.
[[nodiscard]] LinkBytes predicted_bytes(const Schedule& schedule, int node_ranks);

/// What a run counted as it left.
[[nodiscard]] LinkBytes measured_bytes(const Execution& execution, int node_ranks);

}  // namespace hsap::validation
