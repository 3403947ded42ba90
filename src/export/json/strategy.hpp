#pragma once

#include "base/json.hpp"
#include "hsap/strategy.hpp"

namespace hsap {

/// A strategy as the contract spells it: {"ulysses": 8, "context_parallel": 4, "order":
/// "ulysses-inner", "layout": "balanced", "exchange": "p2p", "stages": 2, "gradient_dtype":
/// "fp32", "inner_degree": 0, "moves": "keys", "transfer_order": "nearest", "kv_groups": "fused",
/// "gradient_return": "at_once"}.
[[nodiscard]] json::Ordered to_json(const Strategy& strategy);

/// Reads the members of a strategy; everything but the degrees has the default of Strategy.
/// `ranks` is the size of the group: a degree that is left out follows from it (both left out:
/// context_parallel = ranks), and degrees that do not multiply to it are an error. With `ranks` 0
/// the size is what the file says, and a degree left out is 1.
/// Errors stay in the object; the caller finishes it.
[[nodiscard]] Strategy read_strategy(json::Object& object, int ranks = 0);

}  // namespace hsap
