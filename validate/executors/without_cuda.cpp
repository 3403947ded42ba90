#include "cli/inputs.hpp"
#include "validate/executors/executors.hpp"

namespace hsap::validation {

Status run_on_gpu(const RunFlags&) {
  return cli::at_flag(
      "--executor",
      infeasible("this hsap was built without CUDA; 'local' needs a build where nvcc is found"));
}

}  // namespace hsap::validation
