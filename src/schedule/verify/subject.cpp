#include "schedule/verify/subject.hpp"

#include <fmt/format.h>

#include <numeric>

namespace hsap::verifier {
namespace {

bool same_list(const Range& a, const Range& b) { return a.first == b.first && a.count == b.count; }

/// Buffers ordered by interval list, so that equal lists are laid out once.
std::vector<Index> by_interval_list(const Schedule& schedule) {
  std::vector<Index> order(schedule.buffers.size());
  std::iota(order.begin(), order.end(), Index{0});
  const auto key = [&](Index buffer) {
    const Range& range = schedule.buffers[buffer].intervals;
    return std::pair(range.first, range.count);
  };
  std::sort(order.begin(), order.end(),
            [&](Index a, Index b) { return std::pair(key(a), a) < std::pair(key(b), b); });
  return order;
}

}  // namespace

bool append_runs(const Positions& positions, std::span<const Interval> list,
                 std::vector<Run>& out) {
  const auto first = static_cast<std::ptrdiff_t>(out.size());
  for (const Interval& interval : list) out.push_back(positions.run(interval));
  std::sort(out.begin() + first, out.end(),
            [](const Run& a, const Run& b) { return a.begin < b.begin; });
  std::size_t kept = static_cast<std::size_t>(first);
  for (std::size_t i = kept; i < out.size(); ++i) {
    const bool has_left = kept > static_cast<std::size_t>(first);
    if (has_left && out[i].begin < out[kept - 1].end) return false;
    if (has_left && out[i].begin == out[kept - 1].end) {
      out[kept - 1].end = out[i].end;
    } else {
      out[kept++] = out[i];
    }
  }
  out.resize(kept);
  return true;
}

Found lay_out_rows(Subject& subject) {
  const Schedule& schedule = subject.schedule;
  // Lists may share intervals, but not so much that their runs outgrow the schedule.
  const std::size_t limit = 64 * (schedule.intervals.size() + schedule.buffers.size()) + 1024;
  subject.extent_of.resize(schedule.buffers.size());
  const Range* previous = nullptr;
  std::size_t laid_out = 0;
  for (const Index buffer : by_interval_list(schedule)) {
    const Range& list = schedule.buffers[buffer].intervals;
    if (previous == nullptr || !same_list(*previous, list)) {
      laid_out += list.count;
      if (laid_out > limit) {
        return flawed(Flaw::malformed, "the interval lists of the buffers overlap too much");
      }
      const auto first = static_cast<Index>(subject.runs.size());
      if (!append_runs(subject.positions, schedule.intervals_of(list), subject.runs)) {
        return flawed(Flaw::malformed, fmt::format("the intervals of {} (buffer {}) overlap",
                                                   subject.name(buffer), buffer));
      }
      subject.extents.push_back({first, static_cast<Index>(subject.runs.size()) - first});
    }
    subject.extent_of[buffer] = static_cast<Index>(subject.extents.size() - 1);
    previous = &list;
  }
  return {};
}

bool Subject::holds(Index buffer, const Run& run) const {
  const std::span<const Run> held = rows(buffer);
  const auto after =
      std::upper_bound(held.begin(), held.end(), run.begin,
                       [](Position position, const Run& r) { return position < r.begin; });
  return after != held.begin() && (after - 1)->end >= run.end;
}

std::optional<Run> Subject::outside(Index inner, Index outer) const {
  if (extent_of[inner] == extent_of[outer]) return {};
  for (const Run& run : rows(inner)) {
    if (!holds(outer, run)) return run;
  }
  return {};
}

std::string Positions::tokens_text(const Run& run) const {
  const Token first = token(run.begin);
  const Token last = token(run.end - 1);
  if (first == last) return fmt::format("token {}", first);
  return fmt::format("tokens {}..{}", first, last);
}

std::string Subject::name(Index buffer) const {
  const Buffer& named = schedule.buffers[buffer];
  return fmt::format("{} of rank {}", to_string(named.role), named.rank);
}

std::string heads_text(HeadRange heads) {
  return heads.size() == 1 ? fmt::format("head {}", heads.begin)
                           : fmt::format("heads {}:{}", heads.begin, heads.end);
}

}  // namespace hsap::verifier
