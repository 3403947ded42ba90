#include "validate/device/cuda_device.hpp"
#include "validate/executors/executors.hpp"
#include "validate/executors/run_plan.hpp"
#include "validate/gpu/execute_local.hpp"

namespace hsap::validation {

Status run_on_gpu(const RunFlags& given) {
  RunFlags flags = given;
  HSAP_TRY(flags.options.machine, one_device_of(flags.cluster));
  flags.options.where = flags.graph ? "streams of one GPU in a CUDA graph" : "streams of one GPU";
  flags.options.query_gradients = QueryGradients::rounded;
  const executor::LocalOptions local{flags.serialise, flags.repeats, flags.graph};
  device::CudaDevice::Options on_device;
  on_device.max_sms = flags.max_sms;
  on_device.urgent_communication = flags.urgent_communication;
  flags.options.executor = [local, on_device](const Schedule& schedule, Tensors& tensors,
                                              const ExecuteOptions&) -> Result<Execution> {
    HSAP_TRY(const auto device, device::CudaDevice::make(on_device));
    return executor::execute_local(schedule, tensors, *device, local);
  };
  return run_plan(flags);
}

}  // namespace hsap::validation
