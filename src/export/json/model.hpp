#pragma once

#include "base/json.hpp"
#include "hsap/model.hpp"

namespace hsap {

/// The whole shape of a model, so that a plan stands alone.
[[nodiscard]] json::Ordered to_json(const Model& model);

}  // namespace hsap
