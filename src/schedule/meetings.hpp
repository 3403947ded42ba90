#pragma once

#include <limits>
#include <span>
#include <vector>

#include "hsap/schedule.hpp"

namespace hsap {

/// Which operations are one collective: of each member of a group its k-th on a stream. Whether all
/// members come, and with the same kind of collective, the caller asks.
struct Meetings {
  static constexpr Index none = std::numeric_limits<Index>::max();

  std::vector<Range> ranges;      ///< by meeting, in the order of the first members: into members
  std::vector<Index> members;     ///< operations of a meeting, in the order of the ranks
  std::vector<Index> meeting_of;  ///< by operation: its meeting, or none

  [[nodiscard]] std::span<const Index> members_of(Index meeting) const {
    return {members.data() + ranges[meeting].first, ranges[meeting].count};
  }
  /// Those that a collective meets, itself too.
  [[nodiscard]] std::span<const Index> of(Index op) const { return members_of(meeting_of[op]); }
};

/// Brings the k-th collectives of equal groups on a stream together.
[[nodiscard]] Meetings find_meetings(const Schedule& schedule);

}  // namespace hsap
