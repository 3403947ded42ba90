#include <fmt/format.h>

#include <algorithm>

#include "simulate/engine/engine.hpp"

/// What to say when nothing can happen any more and operations are left.
namespace hsap {

Error Engine::stuck() const {
  std::uint32_t first = 0;
  Index least = operations_;
  for (std::uint32_t lane = 0; lane < lanes_.size(); ++lane) {
    if (lanes_[lane].head == lanes_[lane].end || lanes_[lane].head >= least) continue;
    first = lane;
    least = lanes_[lane].head;
  }
  const Operation& op = in_.schedule.operations[least];
  return internal_error(fmt::format(
      "the schedule deadlocks after {} of {} operations: operation {} ({} of rank {} on stream {}) "
      "waits for {}",
      ended_, periods_.size(), least, to_string(op.kind), op.rank, to_string(op.stream),
      awaited(first)));
}

std::string Engine::awaited(std::uint32_t lane) const {
  const Lane& state = lanes_[lane];
  const std::uint32_t copy = copy_of(lane);
  const Operation& op = in_.schedule.operations[state.head];
  if (!state.busy) {
    for (const Index dependency : in_.schedule.dependencies_of(op)) {
      if (periods_[instance(copy, dependency)].end_s < 0)
        return fmt::format("operation {}", dependency);
    }
  }
  if (op.kind != Kind::exchange) return "the other ranks of its group";
  for (const Index part : in_.traffic.parts_of(state.head)) {
    if (states_[copy * messages_ + part] == State::done) continue;
    const Message& message = in_.traffic.messages[part];
    const bool sends = message.sender == state.head;
    const Index other = sends ? message.receiver : message.sender;
    return fmt::format("operation {} of rank {} to {}", other, in_.schedule.operations[other].rank,
                       sends ? "receive" : "send");
  }
  return "nothing";
}

}  // namespace hsap
