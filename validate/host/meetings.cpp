#include "validate/host/meetings.hpp"

#include <algorithm>
#include <tuple>

#include "schedule/kinds.hpp"

namespace hsap::host {

Meetings::Meetings(const Schedule& schedule) {
  using Key = std::tuple<Rank, Rank, Rank, Stream, Kind, std::size_t>;
  std::map<Key, std::size_t> known;
  for (Rank rank = 0; rank < schedule.ranks(); ++rank) {
    std::map<Key, std::size_t> turns;
    for (const Operation& op : schedule.program(rank)) {
      if (!is_collective(op.kind)) continue;
      const Group& group = schedule.group_of(op);
      Key key{group.first, group.count, group.stride, op.stream, op.kind, 0};
      std::get<5>(key) = turns[key]++;
      const auto [place, is_new] = known.try_emplace(key, members_.size());
      if (is_new) members_.emplace_back();
      const auto index = static_cast<Index>(&op - schedule.operations.data());
      meeting_of_[index] = place->second;
      members_[place->second].push_back(index);
    }
  }
}

std::span<const Index> Meetings::of(Index op) const { return members_[meeting_of_.at(op)]; }

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
