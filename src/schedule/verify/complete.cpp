#include <fmt/format.h>

#include "schedule/verify/access.hpp"
#include "schedule/verify/content.hpp"
#include "schedule/verify/stages.hpp"

namespace hsap::verifier {

/// The last operation of the rank that writes any of the rows, or none.
Index Content::last_writer(Index buffer, HeadRange heads, const Run& run) const {
  Index last = none;
  Index at = 0;
  const auto visit = [&](Index touched, HeadRange touched_heads, const Run& rows, Mode mode) {
    const bool meets = touched == buffer && mode != Mode::read && rows.begin < run.end &&
                       run.begin < rows.end && touched_heads.begin < heads.end &&
                       heads.begin < touched_heads.end;
    if (meets) last = at;
  };
  Accesses accesses(subject_, matching_, visit);
  const auto rank = static_cast<std::size_t>(schedule_.buffers[buffer].rank);
  const Range& program = schedule_.programs[rank];
  for (Index i = 0; i < program.count; ++i) {
    at = program.first + i;
    accesses.of(at);
  }
  return last;
}

Found Content::check_result(Index buffer) const {
  const Buffer& checked = schedule_.buffers[buffer];
  const bool sums = accumulates(checked.role, schedule_.pass);
  Found found;
  const auto report = [&](std::string_view what, HeadRange heads, const Run& run) {
    if (found) return;
    const Index writer = last_writer(buffer, heads, run);
    found = flawed(Flaw::incomplete, fmt::format("{} {}", place(buffer, heads, run), what),
                   writer == none ? std::nullopt : std::optional(writer));
  };
  const auto compare = [&](Fingerprint value, Fingerprint expected, HeadRange heads,
                           const Run& run) {
    if (value == unwritten) return report("is never written", heads, run);
    if (value != expected) {
      report(sums ? "lacks a contribution or has one twice" : "is not complete", heads, run);
    }
  };
  const auto visit = [&](Fingerprint value, HeadRange heads, const Run& run) {
    if (!sums) return compare(value, given(checked.role), heads, run);
    complete_[static_cast<std::size_t>(checked.role)].read(
        heads, run, [&](Fingerprint expected, HeadRange part, const Run& piece) {
          compare(value, expected, part, piece);
        });
  };
  for (const Run& run : subject_.rows(buffer)) maps_[buffer].read(checked.heads, run, visit);
  return found;
}

Found Content::incomplete() const {
  Found lowest;
  for (Index at = 0; at < schedule_.buffers.size(); ++at) {
    const Usage usage = schedule_.buffers[at].usage;
    if (usage != Usage::output && usage != Usage::saved) continue;
    Found found = check_result(at);
    // A row that no operation writes comes before all others.
    if (found && (!lowest || found->operation < lowest->operation)) lowest = std::move(found);
  }
  return lowest;
}

Found check_content(const Subject& subject, const Matching& matching,
                    const std::vector<Index>& order, Found& incomplete) {
  Content content(subject, matching);
  for (const Index at : order) content.apply(at);
  incomplete = content.incomplete();
  return content.found();
}

}  // namespace hsap::verifier
