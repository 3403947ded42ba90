#pragma once

#include <vector>

#include "hsap/schedule.hpp"
#include "hsap/status.hpp"
#include "simulate/traffic/traffic.hpp"

namespace hsap {

inline constexpr Index no_message = 0xffffffff;

/// Makes the messages of all exchanges of the first `ranks` ranks, which stand for all, and their
/// channels; returns the message of each transfer.
[[nodiscard]] Result<std::vector<Index>> pair_transfers(const Schedule& schedule, Rank ranks,
                                                        Traffic& traffic);

}  // namespace hsap
