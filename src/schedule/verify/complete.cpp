#include <fmt/format.h>

#include <algorithm>

#include "schedule/verify/access.hpp"
#include "schedule/verify/content.hpp"
#include "schedule/verify/stages.hpp"

namespace hsap::verifier {

/// In one walk over all programs, however many rows there are.
void Content::find_writers(std::vector<Incomplete>& rows) const {
  std::vector<Index> of_buffer(schedule_.buffers.size(), none);
  for (Index i = 0; i < rows.size(); ++i) of_buffer[rows[i].buffer] = i;
  Index at = 0;
  const auto visit = [&](Index touched, HeadRange heads, const Run& run, Mode mode) {
    if (mode == Mode::read || of_buffer[touched] == none) return;
    Incomplete& wanted = rows[of_buffer[touched]];
    const bool meets = run.begin < wanted.run.end && wanted.run.begin < run.end &&
                       heads.begin < wanted.heads.end && wanted.heads.begin < heads.end;
    if (meets) wanted.writer = at;
  };
  Accesses accesses(subject_, matching_, visit);
  for (; at < schedule_.operations.size(); ++at) accesses.of(at);
}

std::optional<Content::Incomplete> Content::check_result(Index buffer) const {
  const Buffer& checked = schedule_.buffers[buffer];
  const bool sums = accumulates(checked.role, schedule_.pass);
  std::optional<Incomplete> found;
  const auto report = [&](std::string_view what, HeadRange heads, const Run& run) {
    if (!found) found = Incomplete{buffer, heads, run, what};
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
  std::vector<Incomplete> rows;
  for (Index at = 0; at < schedule_.buffers.size(); ++at) {
    const Usage usage = schedule_.buffers[at].usage;
    if (usage != Usage::output && usage != Usage::saved) continue;
    if (const std::optional<Incomplete> found = check_result(at)) rows.push_back(*found);
  }
  if (rows.empty()) return {};
  find_writers(rows);
  // Those that no operation writes come before all others.
  const auto lowest = std::min_element(
      rows.begin(), rows.end(),
      [](const Incomplete& a, const Incomplete& b) { return a.writer < b.writer; });
  return flawed(
      Flaw::incomplete,
      fmt::format("{} {}", place(lowest->buffer, lowest->heads, lowest->run), lowest->what),
      lowest->writer);
}

Found check_content(const Subject& subject, const Matching& matching,
                    const std::vector<Index>& order, Found& incomplete) {
  Content content(subject, matching);
  for (const Index at : order) content.apply(at);
  incomplete = content.incomplete();
  return content.found();
}

}  // namespace hsap::verifier
