#pragma once

#include "validate/device/cuda_device.hpp"

namespace hsap::device {

/// A GPU whose messages lie in memory that NCCL can hand to other GPUs as it is.
class NcclDevice : public CudaDevice {
 public:
  /// Errors: those of CudaDevice::make().
  [[nodiscard]] static Result<std::unique_ptr<NcclDevice>> make(const Options& options);
  ~NcclDevice() override;
  NcclDevice(const NcclDevice&) = delete;
  NcclDevice& operator=(const NcclDevice&) = delete;

  /// Takes more than is asked for, in steps of megabytes.
  [[nodiscard]] Result<std::byte*> allocate_for_messages(std::int64_t bytes) override;

 private:
  using CudaDevice::CudaDevice;

  std::vector<void*> message_memory_;
};

}  // namespace hsap::device
