#include "validate/world/watchdog.hpp"

#include <fmt/format.h>

#include <utility>

namespace hsap::world {

Watchdog::Watchdog(World& world, double limit_s, std::function<std::string()> describe)
    : world_(world),
      limit_s_(limit_s),
      describe_(std::move(describe)),
      last_(Clock::now().time_since_epoch()),
      thread_([this] { run(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    end_ = true;
  }
  ended_.notify_all();
  thread_.join();
}

void Watchdog::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    const Clock::time_point due(last_.load(std::memory_order_relaxed) + seconds(limit_s_));
    if (ended_.wait_until(lock, due, [&] { return end_; })) return;
    const Clock::time_point now = Clock::now();
    // The whole process was stopped for a while: it gets another chance.
    if (now - due > seconds(limit_s_)) progress();
    if (now - Clock::time_point(last_.load(std::memory_order_relaxed)) < seconds(limit_s_))
      continue;
    break;
  }
  lock.unlock();
  world_.fail(fmt::format("no progress for {} s: {}", limit_s_, describe_()));
}

}  // namespace hsap::world
