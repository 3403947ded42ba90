#pragma once

#include <memory>

#include "validate/run/flags.hpp"

/// `hsap-validate run` by what --executor names. Errors: those of run_plan(); this hsap was built
/// without what an executor needs (infeasible, at the flag).
namespace hsap::validation {

/// Ranks as threads of this process.
[[nodiscard]] Status run_on_host(const RunFlags& flags);

/// All ranks on the GPU of this machine.
[[nodiscard]] Status run_on_gpu(const RunFlags& flags);

/// One process for each rank, each on its GPU. The command line is what processes are started with.
[[nodiscard]] Status run_over_nccl(const RunFlags& flags, int argc, char** argv);

/// Every process runs its rank, and one of them tells the result. The end of `session` may abort
/// all processes: it is to outlive the telling of errors.
[[nodiscard]] Status run_over_mpi(const RunFlags& flags, std::shared_ptr<void>& session);

}  // namespace hsap::validation
