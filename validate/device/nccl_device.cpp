#include "validate/device/nccl_device.hpp"

#include <fmt/format.h>
#include <nccl.h>

namespace hsap::device {

Result<std::unique_ptr<NcclDevice>> NcclDevice::make(const Options& options) {
  HSAP_TRY(kernels::Device hardware, select(options));
  return std::unique_ptr<NcclDevice>(new NcclDevice(std::move(hardware), options));
}

NcclDevice::~NcclDevice() {
  static_cast<void>(synchronize());
  for (void* memory : message_memory_) ncclMemFree(memory);
}

Result<std::byte*> NcclDevice::allocate_for_messages(std::int64_t bytes) {
  void* data = nullptr;
  const ncclResult_t taken = ncclMemAlloc(&data, static_cast<std::size_t>(bytes));
  if (taken != ncclSuccess) {
    return infeasible(fmt::format("ncclMemAlloc: {} for {} bytes after {}",
                                  ncclGetErrorString(taken), bytes, allocated_bytes()));
  }
  message_memory_.push_back(data);
  HSAP_CHECK(begin_use(data, bytes));
  return static_cast<std::byte*>(data);
}

}  // namespace hsap::device
