#include <fmt/format.h>

#include "schedule/verify/row_map.hpp"
#include "schedule/verify/stages.hpp"

namespace hsap::verifier {
namespace {

Finding misplaced(std::string message) {
  return flawed(Flaw::misplaced_output, std::move(message));
}

/// How often each (token, head) of one role has been put out.
using Counts = RowMap<Index>;

/// The rank that owns each token, or none where the homes leave a gap.
using Owners = RowMap<Index>;

Found find_owners(const Subject& subject, Owners& owners) {
  const Schedule& schedule = subject.schedule;
  Found found;
  std::int64_t owned = 0;
  for (Rank rank = 0; rank < schedule.ranks() && !found; ++rank) {
    for (const Interval& interval :
         schedule.intervals_of(schedule.home[static_cast<std::size_t>(rank)])) {
      const auto claim = [&](Index& owner, HeadRange, const Run& run) {
        if (owner != none && !found) {
          found = misplaced(
              fmt::format("ranks {} and {} both own {}", owner, rank, subject.tokens_text(run)));
        }
        owner = static_cast<Index>(rank);
      };
      owners.update({0, 1}, subject.positions.run(interval), claim);
      owned += interval.size();
    }
  }
  if (!found && owned != schedule.tokens) {
    found = misplaced(fmt::format("the ranks own {} of {} tokens", owned, schedule.tokens));
  }
  return found;
}

/// Whether the rows of a buffer must lie with the rank that owns the tokens.
bool lives_at_home(const Buffer& buffer, Pass pass) {
  if (buffer.usage == Usage::output) return true;
  if (buffer.usage != Usage::input) return false;
  if (pass == Pass::backward) return buffer.role == Role::dout;
  return buffer.role == Role::q || buffer.role == Role::k || buffer.role == Role::v;
}

Found check_home(const Subject& subject, const Owners& owners, Index at) {
  const Buffer& buffer = subject.schedule.buffers[at];
  Found found;
  for (const Run& run : subject.rows(at)) {
    owners.read({0, 1}, run, [&](Index owner, HeadRange, const Run& piece) {
      if (owner == static_cast<Index>(buffer.rank) || found) return;
      found = misplaced(fmt::format("{} {} (buffer {}) holds {}, which rank {} owns",
                                    to_string(buffer.usage), subject.name(at), at,
                                    subject.tokens_text(piece), owner));
    });
  }
  return found;
}

/// Output buffers of a role hold every (token, head) once.
Found check_coverage(const Subject& subject, Role role) {
  const Schedule& schedule = subject.schedule;
  const int heads = head_count(schedule.heads, role);
  Counts counts({0, static_cast<std::uint16_t>(heads)});
  Found found;
  std::int64_t rows = 0;
  for (Index at = 0; at < schedule.buffers.size() && !found; ++at) {
    const Buffer& buffer = schedule.buffers[at];
    if (buffer.role != role || buffer.usage != Usage::output) continue;
    for (const Run& run : subject.rows(at)) {
      const auto count = [&](Index& times, HeadRange part, const Run& piece) {
        if (times++ == 0 || found) return;
        found = misplaced(fmt::format("output {} holds {}, {}, a second time", subject.name(at),
                                      subject.tokens_text(piece), heads_text(part)));
      };
      counts.update(buffer.heads, run, count);
      rows += std::int64_t{run.end - run.begin} * buffer.heads.size();
    }
  }
  if (!found && rows != std::int64_t{schedule.tokens} * heads) {
    found = misplaced(fmt::format("{} of {} rows of {} are put out", rows,
                                  std::int64_t{schedule.tokens} * heads, to_string(role)));
  }
  return found;
}

}  // namespace

Found check_homes(const Subject& subject) {
  const Schedule& schedule = subject.schedule;
  Owners owners({0, 1}, none);
  if (Found found = find_owners(subject, owners)) return found;
  for (Index at = 0; at < schedule.buffers.size(); ++at) {
    if (!lives_at_home(schedule.buffers[at], schedule.pass)) continue;
    if (Found found = check_home(subject, owners, at)) return found;
  }
  const std::vector<Role> results = schedule.pass == Pass::forward
                                        ? std::vector{Role::o}
                                        : std::vector{Role::dq, Role::dk, Role::dv};
  for (const Role role : results) {
    if (Found found = check_coverage(subject, role)) return found;
  }
  return {};
}

}  // namespace hsap::verifier
