#pragma once

#include "base/json.hpp"
#include "hsap/runtime.hpp"

namespace hsap {

/// A runtime with every default in place, in the format of a runtime file (docs/runtime-format.md):
/// written to a file it can be given to --runtime.
[[nodiscard]] json::Ordered to_json(const Runtime& runtime);

}  // namespace hsap
