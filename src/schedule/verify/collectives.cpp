#include <fmt/format.h>

#include "schedule/kinds.hpp"
#include "schedule/verify/stages.hpp"

namespace hsap::verifier {
namespace {

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

Found check_collectives(const Schedule& schedule, const Meetings& meetings) {
  Lowest lowest(Flaw::unmatched_transfer);
  for (Index meeting = 0; meeting < meetings.ranges.size(); ++meeting) {
    const std::span<const Index> members = meetings.members_of(meeting);
    const Operation& first = schedule.operations[members.front()];
    const Rank expected = schedule.group_of(first).count;
    if (members.size() != static_cast<std::size_t>(expected)) {
      lowest.report(members.front(), [&] {
        return fmt::format("{} of {} ranks of the group take part", members.size(), expected);
      });
    }
    for (const Index at : members) {
      const std::string flaw = difference(schedule, first, schedule.operations[at]);
      if (flaw.empty()) continue;
      lowest.report(members.front(), [&] { return fmt::format("{} (#{})", flaw, at); });
    }
  }
  return lowest.found();
}

Found check_collective_bounds(const Subject& subject, const Meetings& meetings) {
  for (Index meeting = 0; meeting < meetings.ranges.size(); ++meeting) {
    if (Found found = check_meeting(subject, meetings.members_of(meeting))) return found;
  }
  return {};
}

}  // namespace hsap::verifier
