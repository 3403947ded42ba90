#pragma once

#include "validate/run/flags.hpp"

namespace hsap::validation {

/// Errors (bad_input): a file that is to be written exists.
[[nodiscard]] Status check_outputs(const RunFlags& flags);

/// Runs a plan by the executor of the options, writes the files and prints the report. Errors: a
/// bad plan or file; the executor's; the results are wrong (infeasible).
[[nodiscard]] Status run_plan(const RunFlags& flags);

/// The same in a process that tells nothing.
[[nodiscard]] Status take_part(const RunFlags& flags);

}  // namespace hsap::validation
