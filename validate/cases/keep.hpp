#pragma once

#include <string>

#include "base/json.hpp"
#include "validate/run/validate_plan.hpp"

namespace hsap::cases {

/// A run as measured cases ("hsap.cases/1"), one for each pass: the problem, the strategy and the
/// cluster that it was predicted for, its median time, and what it took place on. `date` is when.
/// Errors (infeasible): a run that is wrong or was not predicted, ranks that leave GPUs of a node
/// idle; the cluster or runtime of the plan can no longer be read.
[[nodiscard]] Result<json::Ordered> cases_of(const validation::Validation& run,
                                             const std::string& date);

/// Today in UTC: "2026-03-01".
[[nodiscard]] std::string today();

}  // namespace hsap::cases
