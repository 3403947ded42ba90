#pragma once

#include "hsap/cluster.hpp"
#include "hsap/runtime.hpp"
#include "validate/measure/interference.hpp"

/// What `hsap-topo calibrate --gpu` does before there is anything to fit.
namespace hsap::apps {

/// Called with the GPU before it is measured; an error ends the measurement.
using Begin = std::function<Status(const measure::Machine&)>;

/// Measures GPU `number` of those that this process sees. Errors: no GPU or driver, or a
/// build without CUDA (infeasible); those of the device and of `begin`.
[[nodiscard]] Result<measure::Measured> measure_gpu(int number, const measure::Options& options,
                                                    const Begin& begin);

/// The cluster that a fit to such GPUs starts from: the shipped one that has them; of a GPU that is
/// measured alone, without links. Errors: no shipped cluster has them.
[[nodiscard]] Result<ClusterSpec> base_for(const measure::Machine& machine, bool alone);

/// Sets what needs no fit: name, memory and multiprocessors of the device, and who measured.
void describe(const measure::Measured& measured, ClusterSpec& spec);

/// hsap's runtime with what was measured of host, kernels and messages.
[[nodiscard]] Result<Runtime> runtime_of(const measure::Measured& measured,
                                         const std::optional<measure::Interference>& interference);

/// What was measured, in how long, and what was not, in a few lines.
[[nodiscard]] std::string measured_text(const measure::Measured& measured);
[[nodiscard]] std::string text_of(const measure::Interference& found);

}  // namespace hsap::apps
