#pragma once

#include <vector>

#include "hsap/schedule.hpp"

namespace hsap::executor {

/// The other side of a transfer.
struct Partner {
  static constexpr Index none = ~Index{0};

  Index operation = none;
  Index transfer = none;  ///< into Schedule::transfers
};

/// The partner of each transfer of a schedule: sends and receives between two ranks match in order
/// within a stream.
[[nodiscard]] std::vector<Partner> pair_transfers(const Schedule& schedule);

}  // namespace hsap::executor
