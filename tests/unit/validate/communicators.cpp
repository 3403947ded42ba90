#include "validate/gpu/communicators.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace hsap::executor {
namespace {

/// How many aborts have begun.
struct Aborts {
  std::mutex mutex;
  std::condition_variable changed;
  int begun = 0;
  int ended = 0;
};

/// Ends when the messages of all others have been told to end, as a device that has to be idle.
class Stuck : public device::Communicator {
 public:
  Stuck(Aborts& aborts, int all) : aborts_(aborts), all_(all) {}

  Status exchange(device::StreamId, std::span<const device::Message>) override { return {}; }
  Status all_gather(device::StreamId, std::span<const device::Share>) override { return {}; }
  Status reduce_scatter(device::StreamId, std::span<const device::Share>) override { return {}; }
  Status adopt(std::byte*, std::int64_t) override { return {}; }
  Status poll() override { return {}; }
  void abort() override {
    std::unique_lock lock(aborts_.mutex);
    ++aborts_.begun;
    aborts_.changed.notify_all();
    aborts_.ended += aborts_.changed.wait_for(lock, std::chrono::seconds(20),
                                              [&] { return aborts_.begun == all_; });
  }

 private:
  Aborts& aborts_;
  int all_;
};

}  // namespace

TEST_CASE("No communicator waits for another one when all are aborted") {
  Aborts aborts;
  Communicators communicators;
  communicators.by_stream[1] = std::make_unique<Stuck>(aborts, 3);
  communicators.by_stream[2] = std::make_unique<Stuck>(aborts, 3);
  communicators.groups[{Stream::keys, {0, 2, 1}}] = std::make_unique<Stuck>(aborts, 3);
  communicators.abort();
  CHECK(aborts.ended == 3);
}

}  // namespace hsap::executor
