#pragma once

#include "base/json.hpp"
#include "hsap/tune.hpp"

namespace hsap {

/// Every candidate of a search ("hsap.search/1"): {"schema", "objective": "step_s" or
/// "attention_s", "candidates": [{"strategy", "replicas", "feasible", "seconds", "tokens_per_s",
/// "peak_bytes", "reason"}, ...]}. Infeasible ones have null numbers and a reason. Pruned ones are
/// feasible as far as known, their seconds are a lower limit, and their reason says so.
[[nodiscard]] json::Ordered search_json(const Search& search);

}  // namespace hsap
