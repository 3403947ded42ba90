#include <fmt/format.h>

#include <tuple>

#include "schedule/kinds.hpp"
#include "schedule/verify/stages.hpp"

namespace hsap::verifier {
namespace {

/// One rank's call of a collective: the turn-th of its communicator there.
struct Call {
  Stream stream = Stream::compute;
  Group group;
  Index turn = 0;
  Index operation = 0;

  [[nodiscard]] auto communicator() const {
    return std::tuple(stream, group.first, group.count, group.stride);
  }
  [[nodiscard]] auto meeting() const { return std::tuple_cat(communicator(), std::tuple(turn)); }
};

/// All calls, sorted by meeting and then by rank.
std::vector<Call> collect_calls(const Schedule& schedule) {
  std::vector<Call> calls;
  for (Index at = 0; at < schedule.operations.size(); ++at) {
    const Operation& op = schedule.operations[at];
    if (is_collective(op.kind)) calls.push_back({op.stream, schedule.group_of(op), 0, at});
  }
  std::stable_sort(calls.begin(), calls.end(), [](const Call& a, const Call& b) {
    return a.communicator() < b.communicator();
  });
  for (std::size_t i = 1; i < calls.size(); ++i) {
    const bool same_rank = schedule.operations[calls[i].operation].rank ==
                           schedule.operations[calls[i - 1].operation].rank;
    if (same_rank && calls[i].communicator() == calls[i - 1].communicator()) {
      calls[i].turn = calls[i - 1].turn + 1;
    }
  }
  std::stable_sort(calls.begin(), calls.end(),
                   [](const Call& a, const Call& b) { return a.meeting() < b.meeting(); });
  return calls;
}

/// What differs between two calls of one meeting; empty when nothing does.
std::string difference(const Schedule& schedule, const Operation& a, const Operation& b) {
  if (a.kind != b.kind) {
    return fmt::format("{} meets {}", to_string(a.kind), to_string(b.kind));
  }
  if (!(a.heads == b.heads)) {
    return fmt::format("{} meet {}", heads_text(a.heads), heads_text(b.heads));
  }
  const auto ours = schedule.operands_of(a), theirs = schedule.operands_of(b);
  if (ours.size() != theirs.size()) return "other numbers of buffers";
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const Buffer& our = schedule.buffers[ours[i]];
    const Buffer& their = schedule.buffers[theirs[i]];
    if (our.role != their.role || our.dtype != their.dtype) {
      return fmt::format("{} in {} meets {} in {}", to_string(our.role), to_string(our.dtype),
                         to_string(their.role), to_string(their.dtype));
    }
  }
  return {};
}

/// Every row of `inner` is a row of `outer`, a buffer of another rank.
Found check_inside(const Subject& subject, Index at, Index inner, Index outer) {
  const auto run = subject.outside(inner, outer);
  if (!run) return {};
  return flawed(Flaw::outside_buffer,
                fmt::format("{} needs {}, not all of which {} holds", subject.name(inner),
                            subject.tokens_text(*run), subject.name(outer)),
                at);
}

/// Gathered rows fit every destination; scattered rows are in every source.
Found check_meeting(const Subject& subject, std::span<const Index> members) {
  const Schedule& schedule = subject.schedule;
  const bool gathers = schedule.operations[members.front()].kind == Kind::all_gather;
  const std::size_t moved = gathers ? 0 : 1;  // of a pair, the rows that move
  for (const Index at : members) {
    const auto here = schedule.operands_of(schedule.operations[at]);
    for (const Index other : members) {
      const auto there = schedule.operands_of(schedule.operations[other]);
      for (std::size_t pair = 0; pair < here.size(); pair += 2) {
        Found found = check_inside(subject, at, there[pair + moved], here[pair + 1 - moved]);
        if (found) return found;
      }
    }
  }
  return {};
}

}  // namespace

Found match_collectives(const Subject& subject, Matching& matching) {
  const Schedule& schedule = subject.schedule;
  matching.meeting_of.assign(schedule.operations.size(), none);
  const std::vector<Call> calls = collect_calls(schedule);
  Lowest lowest(Flaw::unmatched_transfer);
  for (std::size_t i = 0; i < calls.size();) {
    std::size_t end = i;
    while (end < calls.size() && calls[end].meeting() == calls[i].meeting()) ++end;
    const auto present = static_cast<Index>(end - i);
    const Index first = calls[i].operation;
    if (present != static_cast<Index>(calls[i].group.count)) {
      lowest.report(first, [&] {
        return fmt::format("{} of {} ranks of the group take part", present, calls[i].group.count);
      });
    }
    const auto meeting = static_cast<Index>(matching.meetings.size());
    matching.meetings.push_back({static_cast<Index>(matching.members.size()), present});
    for (; i < end; ++i) {
      const Index at = calls[i].operation;
      matching.members.push_back(at);
      matching.meeting_of[at] = meeting;
      const std::string flaw =
          difference(schedule, schedule.operations[first], schedule.operations[at]);
      if (!flaw.empty()) {
        lowest.report(first, [&] { return fmt::format("{} (#{})", flaw, at); });
      }
    }
  }
  return lowest.found();
}

Found check_collective_bounds(const Subject& subject, const Matching& matching) {
  for (const Range& meeting : matching.meetings) {
    const std::span members(matching.members.data() + meeting.first, meeting.count);
    if (Found found = check_meeting(subject, members)) return found;
  }
  return {};
}

}  // namespace hsap::verifier
