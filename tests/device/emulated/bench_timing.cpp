#include <cuda_runtime_api.h>

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>

#include "kernels/bench/bench.hpp"

// How the benchmark of kernels times them, over a CUDA of clocks alone: one of the host, which
// every call takes some of, and one of the device, which begins its work when it has been issued.
namespace {

double host_s = 0;
double device_s = 0;  ///< until then it has work
constexpr double copy_bytes_per_s = 1.3e12;

struct Event {
  double at_s = 0;
};

void issue(double on_host_s, double on_device_s) {
  host_s += on_host_s;
  device_s = std::max(device_s, host_s) + on_device_s;
}

}  // namespace

extern "C" {

cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) {
  *value = 50 << 20;
  return cudaSuccess;
}
const char* cudaGetErrorString(cudaError_t) { return "no error"; }
cudaError_t cudaMalloc(void** data, std::size_t) {
  *data = std::bit_cast<void*>(std::size_t{1} << 46);  // nobody follows it
  return cudaSuccess;
}
cudaError_t cudaFree(void*) { return cudaSuccess; }
cudaError_t cudaMemset(void*, int, std::size_t) { return cudaSuccess; }
cudaError_t cudaMemcpy(void*, const void*, std::size_t, cudaMemcpyKind) { return cudaSuccess; }
cudaError_t cudaMemcpyAsync(void*, const void*, std::size_t bytes, cudaMemcpyKind, cudaStream_t) {
  issue(4e-6, static_cast<double>(bytes) / copy_bytes_per_s);
  return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize() {
  host_s = std::max(host_s, device_s);
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = reinterpret_cast<cudaEvent_t>(new Event);
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete reinterpret_cast<Event*>(event);
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
  issue(1e-6, 0);
  reinterpret_cast<Event*>(event)->at_s = device_s;
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  *milliseconds = static_cast<float>(
      (reinterpret_cast<Event*>(end)->at_s - reinterpret_cast<Event*>(begin)->at_s) * 1e3);
  return cudaSuccess;
}

}  // extern "C"

namespace hsap::bench {
namespace {

TEST_CASE("the host's time to issue a call is no part of the call's") {
  const kernels::Device device;
  const Setup setup(device);
  for (const double kernel_s : {3e-6, 20e-6, 150e-6, 5e-3}) {
    const auto call = [&](int) -> Status {
      for (int i = 0; i < 5; ++i) issue(6e-6, kernel_s / 5);  // as a backward pass
      return {};
    };
    CHECK(time(setup, call, 3) == Approx(kernel_s).epsilon(1e-3));
  }
  CHECK(copy_bandwidth(setup) == Approx(2 * copy_bytes_per_s).epsilon(1e-3));
}

}  // namespace
}  // namespace hsap::bench
