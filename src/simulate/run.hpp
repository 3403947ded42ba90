#pragma once

#include <vector>

#include "hsap/cost.hpp"
#include "hsap/simulate.hpp"
#include "simulate/machine.hpp"

namespace hsap {

/// simulate() on a machine wired by hand, with the times of every kernel given (by operation).
[[nodiscard]] Result<Simulation> run_schedule(const Schedule& schedule, const Machine& machine,
                                              const Runtime& runtime,
                                              const SimulateOptions& options,
                                              std::vector<KernelTime> kernels);

}  // namespace hsap
