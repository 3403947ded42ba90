#pragma once

#include <ctime>

namespace hsap::bench {

/// Processor seconds of this process since it was made or last asked, so that other work on the
/// machine does not count; nothing timed here sleeps or runs more than one thread. Processor time
/// may be counted in ticks of some milliseconds, so that short laps are told by the wall clock.
class Stopwatch {
 public:
  double lap() {
    const double passed = since(CLOCK_MONOTONIC, wall_);
    const double worked = since(CLOCK_PROCESS_CPUTIME_ID, processor_);
    return passed < 0.05 ? passed : worked;
  }

 private:
  static double now(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  }
  static double since(clockid_t clock, double& last) {
    const double before = last;
    last = now(clock);
    return last - before;
  }

  double wall_ = now(CLOCK_MONOTONIC);
  double processor_ = now(CLOCK_PROCESS_CPUTIME_ID);
};

}  // namespace hsap::bench
