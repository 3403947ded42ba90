#include <fmt/format.h>

#include <array>

#include "schedule/verify/row_map.hpp"
#include "schedule/verify/subject.hpp"

namespace hsap {
namespace {

using namespace verifier;

Finding not_saved(std::string message) { return flawed(Flaw::not_saved, std::move(message)); }

/// The stride of the intervals of two or more tokens; 0 where there are none.
Token stride_of(const Schedule& schedule) {
  const auto strided = [](const Interval& interval) { return interval.size() > 1; };
  const auto found = std::ranges::find_if(schedule.intervals, strided);
  return found == schedule.intervals.end() ? 0 : found->stride;
}

/// In which dtypes a rank has each (token, head) of one role when the forward pass is over: a bit
/// for each.
using Dtypes = std::uint8_t;
Dtypes bit_of(Dtype dtype) { return static_cast<Dtypes>(1U << static_cast<unsigned>(dtype)); }

/// What the forward pass leaves on every rank, and whether backward takes nothing else.
class Saved {
 public:
  Saved(const Schedule& forward, const Schedule& backward, Token stride)
      : forward_(forward), backward_(backward), positions_(forward.tokens, stride) {
    for (const Buffer& buffer : forward.buffers) {
      if (buffer.usage != Usage::staging) keep(buffer);
    }
  }

  /// What a rank owns outside attention is where o goes to and do comes from.
  [[nodiscard]] Found check_home(Rank rank) const {
    const auto at = static_cast<std::size_t>(rank);
    std::vector<Run> then, now;
    const bool disjoint = append_runs(positions_, forward_.intervals_of(forward_.home[at]), then) &&
                          append_runs(positions_, backward_.intervals_of(backward_.home[at]), now);
    if (disjoint && then == now) return {};
    return not_saved(fmt::format("rank {} owns other tokens in the two passes", rank));
  }

  [[nodiscard]] Found check_input(Index at) const {
    const Buffer& buffer = backward_.buffers[at];
    if (buffer.usage != Usage::input || buffer.role == Role::dout) return {};
    const auto& held = held_[place_of(buffer)];
    Found found;
    const auto visit = [&](Dtypes dtypes, HeadRange heads, const Run& run) {
      if ((dtypes & bit_of(buffer.dtype)) != 0 || found) return;
      found = not_saved(fmt::format(
          "input {} of rank {} (buffer {}) holds {}, {}, in {}, which forward does not leave there",
          to_string(buffer.role), buffer.rank, at, positions_.tokens_text(run), heads_text(heads),
          to_string(buffer.dtype)));
    };
    for (const Interval& interval : backward_.intervals_of(buffer)) {
      const Run run = positions_.run(interval);
      if (held) {
        held->read(buffer.heads, run, visit);
      } else {
        visit(0, buffer.heads, run);
      }
    }
    return found;
  }

 private:
  [[nodiscard]] static std::size_t place_of(const Buffer& buffer) {
    return static_cast<std::size_t>(buffer.rank) * buffer_roles +
           static_cast<std::size_t>(buffer.role);
  }

  void keep(const Buffer& buffer) {
    auto& held = held_[place_of(buffer)];
    if (!held) {
      const int heads = head_count(forward_.heads, buffer.role);
      held.emplace(HeadRange{0, static_cast<std::uint16_t>(heads)});
    }
    const auto add = [&](Dtypes& dtypes, HeadRange, const Run&) {
      dtypes = static_cast<Dtypes>(dtypes | bit_of(buffer.dtype));
    };
    for (const Interval& interval : forward_.intervals_of(buffer)) {
      held->update(buffer.heads, positions_.run(interval), add);
    }
  }

  const Schedule& forward_;
  const Schedule& backward_;
  Positions positions_;
  std::vector<std::optional<RowMap<Dtypes>>> held_ =
      std::vector<std::optional<RowMap<Dtypes>>>(forward_.programs.size() * buffer_roles);
};

}  // namespace

std::optional<Finding> check_saved(const Schedule& forward, const Schedule& backward) {
  if (forward.pass != Pass::forward || backward.pass != Pass::backward) {
    return not_saved("expected a forward and a backward schedule");
  }
  const bool alike = forward.tokens == backward.tokens && forward.heads == backward.heads &&
                     forward.ranks() == backward.ranks();
  if (!alike) return not_saved("the passes have other numbers of tokens, heads or ranks");
  const Token stride = stride_of(forward), other = stride_of(backward);
  if (stride != other && stride != 0 && other != 0) {
    return not_saved(
        fmt::format("forward and backward have strides of {} and {} tokens", stride, other));
  }
  const Saved saved(forward, backward, std::max({stride, other, 1}));
  for (Rank rank = 0; rank < forward.ranks(); ++rank) {
    if (Found found = saved.check_home(rank)) return found;
  }
  for (Index at = 0; at < backward.buffers.size(); ++at) {
    if (Found found = saved.check_input(at)) return found;
  }
  return {};
}

}  // namespace hsap
