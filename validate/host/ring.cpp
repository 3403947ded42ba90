#include "validate/host/ring.hpp"

#include <algorithm>

namespace hsap::host {

Ring::Ring(const Schedule& schedule, const Meetings& meetings, Index op)
    : schedule_(schedule),
      members_(meetings.of(op)),
      self_(static_cast<std::size_t>(std::find(members_.begin(), members_.end(), op) -
                                     members_.begin())),
      gathers_(schedule.operations[op].kind == Kind::all_gather) {}

std::size_t Ring::sent_in(std::size_t step) const {
  const std::size_t n = members();
  return (self_ + 2 * n - step - (gathers_ || n == 1 ? 0 : 1)) % n;
}

std::size_t Ring::received_in(std::size_t step) const {
  return (sent_in(step) + members() - 1) % members();
}

Index Ring::part(std::size_t member, std::size_t pair) const {
  return schedule_.operands_of(operation(member))[2 * pair + (gathers_ ? 0 : 1)];
}

}  // namespace hsap::host
