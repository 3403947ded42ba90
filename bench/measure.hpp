#pragma once

#include <cstdint>
#include <functional>

namespace hsap::bench {

/// What a scenario tells about its run.
struct Figures {
  double prepare_s = 0;  ///< processor time to compile the schedule, or to build the platform
  double run_s = 0;      ///< processor time to simulate
  std::int64_t schedule_bytes = 0;  ///< of the memory, where there is a schedule
  double simulated_s = 0;           ///< the answer: when the last transfer or kernel ends
  /// Of an exact run: how far the default mode is from it.
  double last_off = 0;  ///< end of the last transfer, relative
  double mean_off = 0;  ///< mean over the ends of all transfers, relative, without signs
};

enum class Outcome : std::uint8_t { done, too_slow, too_large, failed };

struct Measured {
  Outcome outcome = Outcome::failed;
  Figures figures;              ///< when done
  std::int64_t peak_bytes = 0;  ///< resident memory of the process at its highest
};

struct Limits {
  unsigned seconds = 60;                       ///< of processor time
  std::int64_t bytes = std::int64_t{8} << 30;  ///< of address space
};

/// Runs `work` in a child process of its own, so that memory is counted from nothing and nothing
/// of one run helps or hurts the next. A child beyond its limits, or one that fails, ends without
/// figures; why it failed it says on stderr.
Measured measure(const std::function<Figures()>& work, const Limits& limits);

}  // namespace hsap::bench
