#pragma once

#include <string>

#include "base/json.hpp"
#include "validate/run/validate_plan.hpp"

namespace hsap::validation {

/// A validation for people: errors, bytes, memory, leaks and the verdict.
[[nodiscard]] std::string report(const Validation& validation, bool color);

/// The same as "hsap.validation/1" (docs/proof.md).
[[nodiscard]] json::Ordered to_json(const Validation& validation);

/// Why the validation says no, in one sentence; empty when all is right.
[[nodiscard]] std::string objection(const Validation& validation);

}  // namespace hsap::validation
