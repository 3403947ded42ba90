#include "cli/inputs.hpp"
#include "validate/executors/executors.hpp"

namespace hsap::validation {

Status run_over_nccl(const RunFlags&, int, char**) {
  return cli::at_flag(
      "--executor",
      infeasible(
          "this hsap was built without NCCL; 'nccl' needs a build where nvcc and NCCL are found"));
}

}  // namespace hsap::validation
