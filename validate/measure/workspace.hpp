#pragma once

#include <cstdint>
#include <optional>

#include "validate/device/device.hpp"
#include "validate/measure/machine.hpp"

namespace hsap::measure {

/// Bytes of the operands of one call.
struct Footprint {
  std::int64_t read = 0;     ///< that it only reads
  std::int64_t written = 0;  ///< that it writes
};

/// Gives out memory to the operands of one call, one after the other. Without memory it only
/// counts.
class Operands {
 public:
  Operands() = default;
  Operands(std::byte* read, std::byte* written) : read_(read), written_(written) {}

  /// rows x heads x width numbers that the call only reads.
  [[nodiscard]] device::Array read(Dtype dtype, std::int64_t rows, int heads, int width);
  /// The same, for it to write.
  [[nodiscard]] device::Array written(Dtype dtype, std::int64_t rows, int heads, int width);
  [[nodiscard]] const Footprint& used() const { return used_; }

 private:
  std::byte* read_ = nullptr;
  std::byte* written_ = nullptr;
  Footprint used_;
};

/// Device memory of all measurements, taken once: a half that is only read and holds random numbers
/// (zeros cost a GPU less power, and so run at higher clocks), and a half that is written.
class Workspace {
 public:
  /// Errors: no memory.
  [[nodiscard]] static Result<Workspace> make(device::Device& device, device::StreamId stream,
                                              std::int64_t bytes_of_half, std::int64_t cache_bytes);

  /// How many sets of operands calls take in turn, so that none finds its own in the cache; 0 when
  /// one does not fit.
  [[nodiscard]] int sets(const Footprint& of_set) const;
  [[nodiscard]] std::int64_t half_bytes() const { return half_bytes_; }
  [[nodiscard]] Operands set(int number, const Footprint& of_set) const;

 private:
  Workspace(std::byte* read, std::byte* written, std::int64_t half, std::int64_t cache_bytes)
      : read_(read), written_(written), half_bytes_(half), cache_bytes_(cache_bytes) {}

  std::byte* read_;
  std::byte* written_;
  std::int64_t half_bytes_;
  std::int64_t cache_bytes_;
};

}  // namespace hsap::measure
