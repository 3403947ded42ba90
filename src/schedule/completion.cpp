#include "schedule/completion.hpp"

#include <algorithm>

namespace hsap {

void Completion::begin(const Range& program) {
  first_ = program.first;
  clocks_.assign(program.count, {});
  last_ = {};
}

const StreamClock& Completion::before(Index at) {
  const Operation& op = schedule_.operations[at];
  StreamClock& clock = clocks_[at - first_];
  Index& previous = last_[static_cast<std::size_t>(op.stream)];
  if (previous > 0) include(previous - 1, clock);
  for (const Index dependency : schedule_.dependencies_of(op)) include(dependency, clock);
  previous = at + 1;
  return clock;
}

void Completion::include(Index earlier, StreamClock& clock) const {
  const StreamClock& known = clocks_[earlier - first_];
  for (std::size_t s = 0; s < streams; ++s) clock[s] = std::max(clock[s], known[s]);
  Index& own = clock[static_cast<std::size_t>(schedule_.operations[earlier].stream)];
  own = std::max(own, earlier + 1);
}

}  // namespace hsap
