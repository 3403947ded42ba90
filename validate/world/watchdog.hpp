#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "validate/world/world.hpp"

namespace hsap::world {

/// Fails the world when this process makes no progress for too long: a kernel or a collective that
/// never ends does not end the process, and nobody else would know. Ends with the object, which
/// must go before the world.
class Watchdog {
 public:
  /// `describe` says what this rank waits for ("waits in operation 17 ..."); called once, on
  /// another thread.
  Watchdog(World& world, double limit_s, std::function<std::string()> describe);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// From any thread; costs a reading of the clock.
  void progress() { last_.store(Clock::now().time_since_epoch(), std::memory_order_relaxed); }

 private:
  void run();

  World& world_;
  const double limit_s_;
  std::function<std::string()> describe_;
  std::atomic<Clock::duration> last_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool end_ = false;
  std::thread thread_;
};

}  // namespace hsap::world
