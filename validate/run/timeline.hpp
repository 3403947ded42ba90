#pragma once

#include <string>

#include "validate/run/validate_plan.hpp"

namespace hsap::validation {

/// Every pass as it was predicted and as it ran, as one Chrome trace (comparison_trace). Only for
/// runs that were predicted.
[[nodiscard]] std::string timeline_text(const Validation& validation);

}  // namespace hsap::validation
