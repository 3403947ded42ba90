#include "cli/inputs.hpp"
#include "validate/executors/executors.hpp"

namespace hsap::validation {

Status run_over_mpi(const RunFlags&, std::shared_ptr<void>&) {
  return cli::at_flag(
      "--executor",
      infeasible("this hsap was built without MPI; 'mpi' needs a build with libopenmpi-dev"));
}

}  // namespace hsap::validation
