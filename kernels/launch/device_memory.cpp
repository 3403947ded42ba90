#include "kernels/launch/device_memory.hpp"

#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>

namespace hsap::kernels {

void require_cuda(int error, const char* what) {
  if (error == cudaSuccess) return;
  throw std::runtime_error(std::string(what) + ": " +
                           cudaGetErrorString(static_cast<cudaError_t>(error)));
}

DeviceMemory::DeviceMemory(std::size_t bytes) : bytes_(bytes) {
  void* data = nullptr;
  require_cuda(cudaMalloc(&data, bytes > 0 ? bytes : 1), "cudaMalloc");
  data_ = static_cast<std::byte*>(data);
  require_cuda(cudaMemset(data_, 0xff, bytes), "cudaMemset");
}

DeviceMemory::~DeviceMemory() { cudaFree(data_); }

void DeviceMemory::write(const void* from, std::size_t bytes) {
  require_cuda(cudaMemcpy(data_, from, bytes, cudaMemcpyHostToDevice), "cudaMemcpy");
}

void DeviceMemory::read(void* to, std::size_t bytes) const {
  require_cuda(cudaDeviceSynchronize(), "a kernel failed");
  require_cuda(cudaMemcpy(to, data_, bytes, cudaMemcpyDeviceToHost), "cudaMemcpy");
}

}  // namespace hsap::kernels
