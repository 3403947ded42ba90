#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "validate/measure/host.hpp"
#include "validate/measure/kernels.hpp"

namespace hsap::measure {

struct Options {
  double budget_s = 60;  ///< no measurement begins later, nor one that would take longer
  /// Of each half of the workspace; less where the device has less.
  std::int64_t workspace_bytes = std::int64_t{3} << 30;
  /// Of messages that a rank sends, or receives, in one round.
  std::int64_t message_bytes = std::int64_t{1} << 30;
  /// Of the kernels that messages are measured beside: they fill a device for several waves, and
  /// are short beside a message.
  Token kernel_tokens = 2048;
  Clock clock = host_clock();
  /// Told before each measurement.
  std::function<void(const std::string& what, std::size_t done, std::size_t total)> progress =
      [](const std::string&, std::size_t, std::size_t) {};
};

template <typename Case>
struct Timed {
  Case of;
  Sample sample;
};

/// A case that was not measured, for want of what.
struct Skipped {
  enum class Want : std::uint8_t { time, memory };
  std::string what;
  Want want = Want::time;
};

/// All that one GPU says.
struct Measured {
  Machine machine;
  std::vector<Timed<AttentionCase>> attention;
  std::vector<Timed<CopyCase>> copies;
  std::optional<HostCosts> host;
  std::vector<Skipped> skipped;
  std::optional<Error> failure;  ///< of the device, which ended it early
  double seconds = 0;            ///< that it took
};

/// Measures one device, what tells most first, until the time is up. Errors: those of the device
/// before it has measured anything; later ones end it with what there is (Measured::failure).
[[nodiscard]] Result<Measured> measure_device(device::Device& device, const Machine& machine,
                                              const Options& options);

}  // namespace hsap::measure
