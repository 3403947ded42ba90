#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "hsap/schedule.hpp"
#include "hsap/strategy.hpp"
#include "schedule/kinds.hpp"
#include "schedule/verify/finding.hpp"

namespace hsap::verifier {

/// A token renumbered so that the tokens of every interval of the schedule are consecutive.
/// With the schedule's common stride S the tokens of each residue modulo S lie side by side.
using Position = std::uint32_t;

/// Positions [begin, end).
struct Run {
  Position begin = 0;
  Position end = 0;

  friend constexpr bool operator==(const Run&, const Run&) = default;
};

class Positions {
 public:
  Positions() = default;
  Positions(Token tokens, Token stride)
      : stride_(stride), columns_((tokens + stride - 1) / stride) {}

  [[nodiscard]] Token stride() const { return stride_; }
  [[nodiscard]] Run run(const Interval& interval) const {
    const Position begin = position(interval.begin);
    return {begin, begin + static_cast<Position>(interval.size())};
  }
  [[nodiscard]] Token token(Position position) const {
    const auto columns = static_cast<Position>(columns_);
    return static_cast<Token>(position % columns) * stride_ +
           static_cast<Token>(position / columns);
  }
  /// "tokens 512..1023", or "token 7".
  [[nodiscard]] std::string tokens_text(const Run& run) const;

 private:
  [[nodiscard]] Position position(Token token) const {
    return static_cast<Position>(token % stride_) * static_cast<Position>(columns_) +
           static_cast<Position>(token / stride_);
  }
  Token stride_ = 1;
  Token columns_ = 1;
};

/// What all stages look at: the schedule, the problem, and the rows of every buffer as sorted
/// runs of positions. Built once the arrays are known to be well formed.
struct Subject {
  const Schedule& schedule;
  const Problem& problem;
  Positions positions;
  std::vector<Run> runs;         ///< of every distinct interval list, sorted and joined
  std::vector<Range> extents;    ///< into runs, by distinct interval list
  std::vector<Index> extent_of;  ///< by buffer, into extents

  /// Rows of a buffer.
  [[nodiscard]] std::span<const Run> rows(Index buffer) const {
    const Range& range = extents[extent_of[buffer]];
    return {runs.data() + range.first, range.count};
  }
  /// Whether the buffer holds all rows of the run.
  [[nodiscard]] bool holds(Index buffer, const Run& run) const;
  /// The first run of buffer `inner` that is not in buffer `outer`, if any.
  [[nodiscard]] std::optional<Run> outside(Index inner, Index outer) const;

  [[nodiscard]] std::string tokens_text(const Run& run) const { return positions.tokens_text(run); }
  /// "k of rank 3".
  [[nodiscard]] std::string name(Index buffer) const;
};

/// The heads of a buffer that an attention operation on `query_heads` touches.
[[nodiscard]] inline HeadRange heads_in(const Schedule& schedule, Role role,
                                        HeadRange query_heads) {
  return in_key_heads(role) ? schedule.key_heads(query_heads) : query_heads;
}

/// Fills in runs, extents and extent_of. Flaw: intervals of a buffer that overlap.
[[nodiscard]] Found lay_out_rows(Subject& subject);

/// The intervals of a list as sorted runs; touching runs are joined. False when two overlap.
[[nodiscard]] bool append_runs(const Positions& positions, std::span<const Interval> list,
                               std::vector<Run>& out);

/// "heads 0:8".
[[nodiscard]] std::string heads_text(HeadRange heads);

}  // namespace hsap::verifier
