#include "kernels/launch/device.hpp"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <string>

namespace hsap::kernels {

Status cuda_status(int error, const char* what) {
  if (error == cudaSuccess) return {};
  return infeasible(std::string(what) + ": " + cudaGetErrorString(static_cast<cudaError_t>(error)));
}

int sms_for(const Launch& launch, int sms) {
  return launch.max_sms > 0 ? std::min(launch.max_sms, sms) : sms;
}

Result<int> current_sms() {
  int device = 0;
  int sms = 0;
  HSAP_CHECK(cuda_status(cudaGetDevice(&device), "no CUDA device"));
  HSAP_CHECK(cuda_status(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, device),
                         "cannot ask the CUDA device"));
  return sms;
}

Result<Device> current_device() {
  int count = 0;
  HSAP_CHECK(cuda_status(cudaGetDeviceCount(&count), "no CUDA device"));
  if (count == 0) return infeasible("no CUDA device");
  int index = 0;
  cudaDeviceProp properties{};
  HSAP_CHECK(cuda_status(cudaGetDevice(&index), "no CUDA device"));
  HSAP_CHECK(cuda_status(cudaGetDeviceProperties(&properties, index), "no CUDA device"));
  Device device;
  device.name = properties.name;
  device.major = properties.major;
  device.minor = properties.minor;
  device.sms = properties.multiProcessorCount;
  device.memory_bytes = static_cast<std::int64_t>(properties.totalGlobalMem);
  if (device.major < 8) {
    return infeasible(device.name + " has compute capability " + std::to_string(device.major) +
                      "." + std::to_string(device.minor) + ", and kernels need 8.0");
  }
  // Code of sm_90a runs on 9.0 alone.
  const bool hopper = device.major == 9 && device.minor == 0;
  device.family = hopper ? Family::hopper : Family::portable;
  return device;
}

Status check_aligned(const Tensor& tensor, const char* name) {
  const auto address = reinterpret_cast<std::uintptr_t>(tensor.data);
  const std::int64_t numbers = 16 / bytes_of(tensor.dtype);
  if (address % 16 == 0 && tensor.row_stride % numbers == 0 && tensor.head_stride % numbers == 0) {
    return {};
  }
  return bad_input(std::string(name) + " and its strides must be aligned to 16 bytes");
}

Status check_numbers(const Tensor& tensor, const char* name) {
  if (tensor.dtype == Dtype::fp32 && tensor.columns == 1) return {};
  return bad_input(std::string(name) + " must be fp32 with one column");
}

}  // namespace hsap::kernels
