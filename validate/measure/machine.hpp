#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "hsap/execute.hpp"

/// Measurements that a cluster file is calibrated with, over the device interface of the executors:
/// on a GPU, or in tests on one whose times are made up.
namespace hsap::measure {

/// What measurements have to know of a device.
struct Machine {
  std::string name;  ///< of the GPU
  int multiprocessors = 0;
  std::int64_t memory_bytes = 0;  ///< of the device
  std::int64_t cache_bytes = 0;   ///< L2
  /// What else may matter to who reads the numbers: versions, clocks.
  Setup facts;
};

/// Seconds of this host, from any begin on.
using Clock = std::function<double()>;
[[nodiscard]] Clock host_clock();

}  // namespace hsap::measure
