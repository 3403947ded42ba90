#pragma once

#include "base/json.hpp"
#include "hsap/model.hpp"

namespace hsap {

/// The shape of a model, as model files and plans write it (docs/model-format.md). Leaves its
/// errors in the object, which may have members of its own.
[[nodiscard]] Model read_model(json::Object& object);

}  // namespace hsap
