#pragma once

#include <string>

#include "base/json.hpp"
#include "validate/run/validate_plan.hpp"

namespace hsap::validation {

/// Predicted and measured times of every pass, by kind and in total; empty where none were
/// measured.
[[nodiscard]] std::string times_text(const Validation& validation, bool color);

/// The same of one pass, with every operation (docs/validation.md).
[[nodiscard]] json::Ordered to_json(const PassTimes& times, const Schedule& schedule);

}  // namespace hsap::validation
