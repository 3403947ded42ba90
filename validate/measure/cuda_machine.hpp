#pragma once

#include "validate/device/cuda_device.hpp"
#include "validate/measure/machine.hpp"

namespace hsap::measure {

/// What CUDA says of a GPU. Errors (infeasible): what it does not want to say.
[[nodiscard]] Result<Machine> machine_of(const device::CudaDevice& device);

}  // namespace hsap::measure
