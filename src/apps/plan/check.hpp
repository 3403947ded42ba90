#pragma once

#include <string>
#include <vector>

#include "hsap/plan.hpp"
#include "hsap/status.hpp"

namespace hsap::apps {

/// "batch 0, forward", "batch 0, window, forward".
[[nodiscard]] std::string name_of(const PlannedPass& item);

/// One schedule that was checked.
struct Checked {
  std::string what;  ///< its name, and ", embedded"
  std::size_t operations = 0;
  std::string finding;  ///< empty when the schedule is right
};

/// Compiles every batch and pass of a plan and verifies the schedule, and verifies the embedded
/// ones as they stand. Backward must find what forward left, in the schedules that run together:
/// an embedded one of a batch and pass, or where there is none what the strategy compiles to.
/// `threads` 0: one per core; the answer does not depend on it.
/// Errors: a strategy that cannot be compiled for a batch; batches that are not those that the
/// plan's hash names (infeasible).
[[nodiscard]] Result<std::vector<Checked>> check_plan(const Plan& plan, int threads);

}  // namespace hsap::apps
