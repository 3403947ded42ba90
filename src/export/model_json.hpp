#pragma once

#include "base/json.hpp"
#include "hsap/model.hpp"

namespace hsap {

/// The whole shape of a model, so that a plan stands alone.
[[nodiscard]] json::Ordered to_json(const Model& model);
/// Leaves its errors in the object and finishes it.
[[nodiscard]] Model read_model(json::Object object);

}  // namespace hsap
