#pragma once

#include <vector>

#include "hsap/schedule.hpp"

namespace hsap {

/// Two operations joined by at least one message.
struct Flow {
  Index send = 0;
  Index receive = 0;
  friend bool operator==(const Flow&, const Flow&) = default;
};

/// The messages between ranks below `ranks`, one flow for each pair of operations, in the order
/// of sender, receiver and stream. Sends and receives between two ranks match in order within a
/// stream; copies of a rank to itself and collectives make no flow.
[[nodiscard]] std::vector<Flow> flows(const Schedule& schedule, Rank ranks);

}  // namespace hsap
