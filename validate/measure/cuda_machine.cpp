#include "validate/measure/cuda_machine.hpp"

#include <cuda_runtime_api.h>
#include <fmt/format.h>

namespace hsap::measure {
namespace {

Status check(cudaError_t error, const char* call) {
  if (error == cudaSuccess) return {};
  return infeasible(fmt::format("{}: {}", call, cudaGetErrorString(error)));
}

}  // namespace

Result<Machine> machine_of(const device::CudaDevice& device) {
  const kernels::Device& hardware = device.hardware();
  int number = 0;
  int cache = 0;
  int clock_khz = 0;
  HSAP_CHECK(check(cudaGetDevice(&number), "cudaGetDevice"));
  HSAP_CHECK(check(cudaDeviceGetAttribute(&cache, cudaDevAttrL2CacheSize, number), "cache size"));
  HSAP_CHECK(check(cudaDeviceGetAttribute(&clock_khz, cudaDevAttrClockRate, number), "clock"));
  HSAP_TRY(Setup facts, device.setup());
  std::erase_if(facts, [](const auto& fact) { return fact.first == "device"; });
  facts.emplace_back("compute_capability", fmt::format("{}.{}", hardware.major, hardware.minor));
  facts.emplace_back("kernels", hardware.family == kernels::Family::hopper ? "hopper" : "portable");
  facts.emplace_back("highest_clock", fmt::format("{} MHz", clock_khz / 1000));
  return Machine{hardware.name, hardware.sms, hardware.memory_bytes, cache, std::move(facts)};
}

}  // namespace hsap::measure
