#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "hsap/kernels.hpp"
#include "kernels/launch/device_memory.hpp"

/// The parts of hsap-kernel-bench.
namespace hsap::bench {

/// One measured call.
struct Row {
  std::string kernel;  ///< forward, backward, merge, ...
  std::string what;    ///< lengths and mask, or types
  std::int64_t tokens = 0;
  int heads = 0;
  int key_heads = 0;
  int head_dim = 0;
  std::string mask;     ///< causal or full; of attention
  bool packed = false;  ///< several documents
  double seconds = 0;   ///< median
  double flop = 0;      ///< 0 where only bytes count
  double bytes = 0;     ///< read once and written once
};

/// What calls are held against.
struct Limits {
  double flop_per_s = 0;
  double bytes_per_s = 0;

  /// No call is shorter.
  [[nodiscard]] double floor_s(const Row& row) const;
};

struct Options {
  bool quick = false;  ///< a few cases of each kind
  std::string only;    ///< forward, backward or rows; empty: all
  int max_sms = 0;
  /// Hears of each row when it has been measured.
  std::function<void(const Row&)> measured = [](const Row&) {};
  [[nodiscard]] bool wants(const std::string& kind) const { return only.empty() || only == kind; }
  /// Whether there is time for another one; what is asked for first tells most.
  std::function<bool()> goes_on = [] { return true; };
};

/// Keeps inputs out of the caches: enough sets of buffers that their bytes are twice the cache's.
class Setup {
 public:
  explicit Setup(const kernels::Device& device);

  [[nodiscard]] int sets_for(std::int64_t bytes_of_set) const;
  /// Whether they fit into the device's memory.
  [[nodiscard]] bool fits(std::int64_t bytes_of_set) const;
  /// Device memory full of bf16 from a normal distribution; as fp32 they are about that, too.
  [[nodiscard]] kernels::DeviceMemory random(std::int64_t bytes) const;
  /// Keeps the device busy for as long as the host may take to issue so many calls.
  void keep_busy(int calls) const;

  const kernels::Device& device;

 private:
  void copy_filler() const;

  std::int64_t cache_bytes_ = 0;
  std::vector<std::uint16_t> numbers_;
  kernels::DeviceMemory filler_from_;
  kernels::DeviceMemory filler_to_;
  double filler_s_ = 0;  ///< of one copy
};

/// Median seconds of call(set), the sets taken in turn. Short calls are issued while the device is
/// kept busy: otherwise it would wait for the host between the events of a call. Throws
/// std::runtime_error when a call fails.
[[nodiscard]] double time(const Setup& setup, const std::function<Status(int set)>& call, int sets);

/// Bytes per second of large copies by the driver, read and written.
[[nodiscard]] double copy_bandwidth(const Setup& setup);

/// Both tell `options.measured` their rows. Throw std::runtime_error when a call fails.
void time_attention(const Setup& setup, const Options& options);
void time_rows(const Setup& setup, const Options& options);

/// The rows as JSON (schema hsap.kernel_bench/1).
[[nodiscard]] std::string report(const std::vector<Row>& rows, const Limits& limits,
                                 const kernels::Device& device);

/// The table of `hsap-topo calibrate --kernels`: attention of one document.
[[nodiscard]] std::string calibration(const std::vector<Row>& rows, const std::string& device);

/// A number by a printf format.
[[nodiscard]] std::string text(const char* format, double value);

}  // namespace hsap::bench
