#pragma once

#include <limits>
#include <vector>

#include "hsap/schedule.hpp"

namespace hsap {

/// The two ends of every message.
struct Partners {
  static constexpr Index none = std::numeric_limits<Index>::max();

  std::vector<Index> owner;    ///< by transfer: its exchange, or none
  std::vector<Index> partner;  ///< by transfer: its other end, or none
};

/// Pairs the k-th send from a to b on a stream with the k-th receive on b from a.
[[nodiscard]] Partners find_partners(const Schedule& schedule);

}  // namespace hsap
