#include "validate/executors/executors.hpp"
#include "validate/executors/run_plan.hpp"
#include "validate/mpi/execute_mpi.hpp"

namespace hsap::validation {
namespace {

Status can_begin(const RunFlags& flags, bool writes) {
  if (writes) HSAP_CHECK(check_outputs(flags));
  HSAP_CHECK(read_plan(flags.plan));
  return {};
}

}  // namespace

Status run_over_mpi(const RunFlags& given, std::shared_ptr<void>& session) {
  const auto made = std::make_shared<mpi::Session>();
  session = made;
  mpi::Session& processes = *made;
  RunFlags flags = given;
  flags.options.where = "processes of MPI";
  flags.options.executor = [&](const Schedule& schedule, Tensors& tensors,
                               const ExecuteOptions& options) {
    return processes.execute(schedule, tensors, options);
  };
  // A process that cannot begin must not leave the others waiting in the middle of the run.
  HSAP_CHECK(processes.agree(can_begin(flags, processes.speaks())));
  if (processes.speaks()) return processes.agree(run_plan(flags));
  flags.options.tells = false;
  return processes.agree(take_part(flags));
}

}  // namespace hsap::validation
