#pragma once

#include <vector>

#include "hsap/cost.hpp"
#include "hsap/simulate.hpp"
#include "simulate/traffic/machine.hpp"
#include "simulate/traffic/symmetry.hpp"

namespace hsap {

/// simulate() on a machine wired by hand, with the times of the kernels given (by operation). With
/// a symmetry only its ranks run, and only their kernels count.
[[nodiscard]] Result<Simulation> run_schedule(const Schedule& schedule, const Machine& machine,
                                              const Runtime& runtime,
                                              const SimulateOptions& options,
                                              std::vector<KernelTime> kernels,
                                              const Symmetry& symmetry);

/// The same for all ranks.
[[nodiscard]] Result<Simulation> run_schedule(const Schedule& schedule, const Machine& machine,
                                              const Runtime& runtime,
                                              const SimulateOptions& options,
                                              std::vector<KernelTime> kernels);

}  // namespace hsap
