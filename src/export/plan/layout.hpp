#pragma once

#include "base/json.hpp"
#include "hsap/plan.hpp"

namespace hsap {

/// Who holds which tokens of one batch, and which pairs attend ("hsap.layout/1"):
/// {"schema", "tokens", "documents": [length, ...], "mask", "slices": [[query begin, query end, key
/// begin, key end, kind], ...], "shards": [[[begin, end, stride], ...], ...]}, a list for each
/// context shard.
[[nodiscard]] json::Ordered layout_json(const Plan& plan, int batch);

}  // namespace hsap
