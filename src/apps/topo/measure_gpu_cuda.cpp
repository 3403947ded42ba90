#include "apps/topo/measure_gpu.hpp"
#include "validate/measure/cuda_machine.hpp"

namespace hsap::apps {

Result<measure::Measured> measure_gpu(int number, const measure::Options& options,
                                      const Begin& begin) {
  HSAP_TRY(const auto device, device::CudaDevice::make({.number = number}));
  HSAP_TRY(const measure::Machine machine, measure::machine_of(*device));
  HSAP_CHECK(begin(machine));
  return measure::measure_device(*device, machine, options);
}

}  // namespace hsap::apps
