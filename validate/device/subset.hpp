#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "validate/device/communicator.hpp"

namespace hsap::device {

/// Some ranks of a run with a communicator of their own, in which they count from 0.
class Subset : public Communicator {
 public:
  /// `ranks` as the run counts them, in order.
  Subset(std::unique_ptr<Communicator> inner, std::vector<Rank> ranks)
      : inner_(std::move(inner)), ranks_(std::move(ranks)) {}

  /// Peers as the run counts them. Errors: a peer that is not there.
  [[nodiscard]] Status exchange(StreamId stream, std::span<const Message> messages) override {
    std::vector<Message> own(messages.begin(), messages.end());
    for (Message& message : own) {
      const auto found = std::lower_bound(ranks_.begin(), ranks_.end(), message.peer);
      if (found == ranks_.end() || *found != message.peer) {
        return internal_error("a message to a rank outside of its communicator");
      }
      message.peer = static_cast<Rank>(found - ranks_.begin());
    }
    return inner_->exchange(stream, own);
  }
  [[nodiscard]] Status all_gather(StreamId stream, std::span<const Share> shares) override {
    return inner_->all_gather(stream, shares);
  }
  [[nodiscard]] Status reduce_scatter(StreamId stream, std::span<const Share> shares) override {
    return inner_->reduce_scatter(stream, shares);
  }
  [[nodiscard]] Status adopt(std::byte* data, std::int64_t bytes) override {
    return inner_->adopt(data, bytes);
  }
  [[nodiscard]] Status poll() override { return inner_->poll(); }
  void abort() override { inner_->abort(); }

 private:
  std::unique_ptr<Communicator> inner_;
  std::vector<Rank> ranks_;
};

}  // namespace hsap::device
