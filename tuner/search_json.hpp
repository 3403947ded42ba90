#pragma once

#include "base/json.hpp"
#include "hsap/tune.hpp"

namespace hsap {

/// Every candidate of a search ("hsap.search/1"): {"schema", "objective": "step_s" or
/// "attention_s", "candidates": [{"strategy", "replicas", "feasible", "seconds", "tokens_per_s",
/// "peak_bytes", "reason"}, ...]}. Infeasible ones have a reason, and neither seconds nor tokens
/// per second (null); their peak_bytes are null where no memory was worked out. Pruned ones are
/// feasible as far as known, their seconds are a lower limit, and their reason says so.
[[nodiscard]] json::Ordered search_json(const Search& search);

}  // namespace hsap
