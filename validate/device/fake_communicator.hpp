#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "validate/device/communicator.hpp"
#include "validate/device/fake_device.hpp"

namespace hsap::device {

/// What the ranks of a fake run share: messages on their way. A send is over when its receiver has
/// taken it, as with large messages of NCCL.
class FakeFabric {
 public:
  /// A message that waits for its receiver.
  struct Parcel {
    std::vector<std::byte> bytes;
    bool captured = false;  ///< sent from a graph
    std::atomic<bool> taken = false;
  };

  void post(Rank from, Rank to, std::shared_ptr<Parcel> parcel);
  /// The oldest message of this pair, or null.
  [[nodiscard]] std::shared_ptr<Parcel> take(Rank from, Rank to);
  void abort() { aborted_ = true; }
  [[nodiscard]] bool aborted() const { return aborted_; }

 private:
  std::mutex mutex_;
  std::map<std::pair<Rank, Rank>, std::deque<std::shared_ptr<Parcel>>> waiting_;
  std::atomic<bool> aborted_ = false;
};

class FakeCommunicator : public Communicator {
 public:
  FakeCommunicator(FakeFabric& fabric, FakeDevice& device, Rank rank, int ranks)
      : fabric_(fabric), device_(device), rank_(rank), ranks_(ranks) {}

  /// Errors: a message outside of what has been adopted. Of a run: one of another length than its
  /// receiver expects, or sent from a graph and not received in one.
  [[nodiscard]] Status exchange(StreamId stream, std::span<const Message> messages) override;
  [[nodiscard]] Status all_gather(StreamId stream, std::span<const Share> shares) override;
  /// Sums as a ring does: the part of rank j begins at rank j + 1, is rounded at every rank on its
  /// way, and ends at rank j.
  [[nodiscard]] Status reduce_scatter(StreamId stream, std::span<const Share> shares) override;
  [[nodiscard]] Status adopt(std::byte* data, std::int64_t bytes) override;
  [[nodiscard]] Status poll() override;
  void abort() override { fabric_.abort(); }

 private:
  [[nodiscard]] bool is_adopted(const std::byte* data, std::int64_t bytes) const;
  void put(StreamId stream, std::span<const Message> messages);

  FakeFabric& fabric_;
  FakeDevice& device_;
  Rank rank_;
  int ranks_;
  std::vector<std::span<std::byte>> adopted_;
};

}  // namespace hsap::device
