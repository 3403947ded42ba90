#pragma once

#include <cstdint>
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
void check_probes(const hsap::kernels::Device& device, std::uint64_t seed, Outcomes& outcomes);
void check_rows(std::uint64_t seed, int rows, Outcomes& outcomes);
/// `small`: as much as the emulation can do in seconds.
void check_attention(const hsap::kernels::Device& device, std::uint64_t seed, bool small,
                     Outcomes& outcomes);

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
