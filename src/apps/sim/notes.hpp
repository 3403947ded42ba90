#pragma once

#include <span>
#include <string>
#include <vector>

#include "apps/sim/run.hpp"

namespace hsap {

/// What limits each batch, the most frequent sentence first. Sentences that differ in their shares
/// ("45 %") and ratios ("1.23x") alone are one, with the least and the most of each.
[[nodiscard]] std::string limits_of(std::span<const BatchPrediction> batches);

/// What predictions rest on where that is less than measurements of the same, of all batches of all
/// runs; empty where there is nothing to say.
[[nodiscard]] std::string beyond_calibration(std::span<const SimRun> runs);

}  // namespace hsap
