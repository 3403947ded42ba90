#include "schedule/meetings.hpp"

#include <map>
#include <tuple>
#include <utility>

#include "schedule/kinds.hpp"

namespace hsap {
namespace {

/// The ranks of one group on one stream: rank after rank goes through their meetings.
struct Communicator {
  std::vector<Index> meetings;
  Rank rank = -1;
  std::size_t next = 0;

  /// `met` becomes one more where this rank's collective is the first of its meeting.
  Index meet(Rank who, Index& met) {
    if (who != rank) next = 0;
    rank = who;
    if (next == meetings.size()) meetings.push_back(met++);
    return meetings[next++];
  }
};

}  // namespace

Meetings find_meetings(const Schedule& schedule) {
  Meetings out;
  out.meeting_of.assign(schedule.operations.size(), Meetings::none);
  std::map<std::tuple<Stream, Rank, Rank, Rank>, Communicator> communicators;
  Index met = 0;
  for (Index at = 0; at < schedule.operations.size(); ++at) {
    const Operation& op = schedule.operations[at];
    if (!is_collective(op.kind)) continue;
    const Group& group = schedule.group_of(op);
    Communicator& communicator = communicators[{op.stream, group.first, group.count, group.stride}];
    out.meeting_of[at] = communicator.meet(op.rank, met);
  }
  out.ranges.resize(met);
  for (const Index meeting : out.meeting_of) {
    if (meeting != Meetings::none) ++out.ranges[meeting].count;
  }
  Index first = 0;
  for (Range& range : out.ranges) {
    range.first = first;
    first += std::exchange(range.count, 0);
  }
  out.members.resize(first);
  for (Index at = 0; at < out.meeting_of.size(); ++at) {
    if (out.meeting_of[at] == Meetings::none) continue;
    Range& range = out.ranges[out.meeting_of[at]];
    out.members[range.first + range.count++] = at;
  }
  return out;
}

}  // namespace hsap
