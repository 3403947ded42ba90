#pragma once

#include <cstddef>
#include <vector>

namespace hsap::kernels {

/// Device memory of a test or a benchmark. Throws std::runtime_error where CUDA reports an error:
/// such a program has nothing to go on with.
class DeviceMemory {
 public:
  /// Every byte 0xff: NaN in all types.
  explicit DeviceMemory(std::size_t bytes);
  ~DeviceMemory();
  DeviceMemory(DeviceMemory&& other) noexcept : data_(other.data_), bytes_(other.bytes_) {
    other.data_ = nullptr;
  }
  DeviceMemory& operator=(DeviceMemory&&) = delete;

  template <typename T>
  static DeviceMemory of(const std::vector<T>& values) {
    DeviceMemory memory(values.size() * sizeof(T));
    memory.write(values.data(), values.size() * sizeof(T));
    return memory;
  }

  [[nodiscard]] void* data() const { return data_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  void write(const void* from, std::size_t bytes);
  /// Waits for the device.
  void read(void* to, std::size_t bytes) const;

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_;
};

/// Throws std::runtime_error unless this cudaError_t is none.
void require_cuda(int error, const char* what);

}  // namespace hsap::kernels
