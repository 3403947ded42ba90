#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "hsap/kernels.hpp"
#include "kernels/launch/device_memory.hpp"

/// The parts of hsap-kernel-selftest.
namespace test {

struct Probe;
[[nodiscard]] std::vector<Probe> device_hopper_probes();
[[nodiscard]] std::vector<Probe> device_portable_probes();

/// One comparison. It fails when the difference is above the tolerance, or a report is there.
struct Outcome {
  std::string name;
  double difference = 0;
  double tolerance = 0;
  std::string report;  ///< what went wrong besides

  [[nodiscard]] bool passed() const { return report.empty() && difference <= tolerance; }
};

using Outcomes = std::vector<Outcome>;

/// Checks that hang or break the device together, and no others with them where each part is a
/// program of its own.
struct Part {
  std::string name;
  std::function<void(Outcomes&)> check;
};
using Parts = std::vector<Part>;

[[nodiscard]] Parts probe_parts(const hsap::kernels::Device& device, std::uint64_t seed);
[[nodiscard]] Parts row_parts(std::uint64_t seed, int rows);
/// `small`: as much as the emulation can do in seconds.
[[nodiscard]] Parts attention_parts(const hsap::kernels::Device& device, std::uint64_t seed,
                                    bool small);

/// Rows x heads x columns on the device, NaN at first, with room between rows that must stay as it
/// is.
class DeviceTensor {
 public:
  DeviceTensor(int rows, int heads, int columns, hsap::Dtype dtype);

  /// Writes numbers, rounded to the type.
  void fill(const std::vector<float>& numbers);
  [[nodiscard]] std::vector<float> read() const;
  /// Nothing was written between the rows and after them.
  [[nodiscard]] bool intact() const;
  [[nodiscard]] hsap::kernels::Tensor view(int first_head = 0) const;
  [[nodiscard]] std::size_t size() const {
    return static_cast<std::size_t>(rows_) * static_cast<std::size_t>(heads_ * columns_);
  }

 private:
  [[nodiscard]] std::vector<std::uint8_t> bytes() const;

  int rows_;
  int heads_;
  int columns_;
  hsap::Dtype dtype_;
  int row_stride_;
  hsap::kernels::DeviceMemory memory_;
};

/// As a number of this type would hold it.
[[nodiscard]] float rounded(double value, hsap::Dtype dtype);
[[nodiscard]] std::vector<float> random_numbers(std::size_t count, hsap::Dtype dtype,
                                                std::mt19937_64& random);

}  // namespace test
