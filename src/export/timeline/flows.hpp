#pragma once

#include <compare>
#include <vector>

#include "hsap/schedule.hpp"

namespace hsap {

/// Two operations joined by at least one message.
struct Flow {
  Index send = 0;
  Index receive = 0;
  friend auto operator<=>(const Flow&, const Flow&) = default;
};

/// The messages between ranks below `ranks`, one flow for each pair of operations, in their order.
/// Copies of a rank to itself and collectives make no flow.
[[nodiscard]] std::vector<Flow> flows(const Schedule& schedule, Rank ranks);

}  // namespace hsap
