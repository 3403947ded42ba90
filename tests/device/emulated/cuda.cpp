#include "device/emulated/cuda.hpp"

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

namespace {

using Work = std::function<std::string()>;
using Graph = std::vector<Work>;

Graph* captured = nullptr;  ///< the graph of the stream that is being captured
Graph late;                 ///< fills and copies of the default stream that CUDA may still put off
std::string report;         ///< what went wrong first
int compute_capability = 9;

void run(const Work& work) {
  const std::string wrong = work();
  if (report.empty()) report = wrong;
}

void do_late() {
  for (const Work& work : std::exchange(late, {})) run(work);
}

/// A call that allocates, or is put off.
cudaError_t outside_of_capture() {
  if (captured != nullptr) return cudaErrorStreamCaptureUnsupported;
  return report.empty() ? cudaSuccess : cudaErrorUnknown;
}

/// A call that waits for the device.
cudaError_t after_all() {
  do_late();
  return outside_of_capture();
}

/// Streams but those of cudaStreamNonBlocking wait for the default one.
bool waits(void* stream) { return stream == nullptr || *static_cast<unsigned*>(stream) == 0; }

}  // namespace

void test::emulated::submit(void* stream, std::function<std::string()> work) {
  if (captured != nullptr) {
    captured->push_back(std::move(work));
    return;
  }
  if (waits(stream)) do_late();
  run(work);
}

void test::emulated::set_compute_capability(int major) { compute_capability = major; }

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int) { return cudaSuccess; }
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *free = *total = std::size_t{1} << 32;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) { return cudaRuntimeGetVersion(version); }
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetPCIBusId(char* text, int bytes, int device) {
  std::snprintf(text, static_cast<std::size_t>(bytes), "0000:%02X:00.0", device);
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  *value = attribute == cudaDevAttrMultiProcessorCount ? 2 : 1 << 20;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {};
  std::strcpy(properties->name, "host emulation");
  properties->major = compute_capability;
  properties->multiProcessorCount = 2;
  properties->totalGlobalMem = std::size_t{1} << 32;
  return cudaSuccess;
}
const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorUnknown ? report.c_str() : "refused by the emulation";
}
cudaError_t cudaDeviceSynchronize() { return after_all(); }

cudaError_t cudaMalloc(void** data, std::size_t bytes) {
  *data = ::operator new (bytes, std::align_val_t{256});
  return outside_of_capture();
}
cudaError_t cudaFree(void* data) {
  do_late();
  ::operator delete (data, std::align_val_t{256});
  return cudaSuccess;
}
cudaError_t cudaMemset(void* data, int value, std::size_t bytes) {
  late.emplace_back([=] {
    std::memset(data, value, bytes);
    return std::string();
  });
  return outside_of_capture();
}
cudaError_t cudaMemsetAsync(void* data, int value, std::size_t bytes, cudaStream_t stream) {
  test::emulated::submit(stream, [=] {
    std::memset(data, value, bytes);
    return std::string();
  });
  return cudaSuccess;
}
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  if (const cudaError_t error = after_all(); error != cudaSuccess) return error;
  if (kind != cudaMemcpyHostToDevice) {
    std::memcpy(to, from, bytes);
    return cudaSuccess;
  }
  // The caller may forget the bytes, as they wait in memory of CUDA's own.
  const auto* begin = static_cast<const std::byte*>(from);
  late.emplace_back([to, staged = std::vector<std::byte>(begin, begin + bytes)] {
    std::memcpy(to, staged.data(), staged.size());
    return std::string();
  });
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int) {
  *stream = reinterpret_cast<cudaStream_t>(new unsigned(flags));
  return cudaSuccess;
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithPriority(stream, cudaStreamDefault, 0);
}
cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  *least = *greatest = 0;
  return cudaSuccess;
}
// Streams do everything at once, so nothing has to wait, and nothing takes time.
cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = reinterpret_cast<cudaEvent_t>(new int);
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete reinterpret_cast<int*>(event);
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) { return cudaSuccess; }
cudaError_t cudaEventRecordWithFlags(cudaEvent_t, cudaStream_t, unsigned flags) {
  return flags == cudaEventRecordExternal && captured == nullptr ? cudaErrorIllegalState
                                                                 : cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) { return cudaSuccess; }
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t, cudaEvent_t) {
  *milliseconds = 0;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete reinterpret_cast<unsigned*>(stream);
  return cudaSuccess;
}
cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode) {
  captured = new Graph;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t* graph) {
  *graph = reinterpret_cast<cudaGraph_t>(captured);
  captured = nullptr;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* ready, cudaGraph_t graph, unsigned long long) {
  *ready = reinterpret_cast<cudaGraphExec_t>(new Graph(*reinterpret_cast<Graph*>(graph)));
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
  if (waits(stream)) do_late();
  for (const Work& work : *reinterpret_cast<Graph*>(graph)) run(work);
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
  delete reinterpret_cast<Graph*>(graph);
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete reinterpret_cast<Graph*>(graph);
  return cudaSuccess;
}

}  // extern "C"
