#pragma once

#include <span>

#include "validate/device/device.hpp"

namespace hsap::device {

/// Bytes that leave for a peer, or that come from it.
struct Message {
  Rank peer = 0;
  std::byte* data = nullptr;
  std::int64_t bytes = 0;
  bool is_send = false;
};

/// One tensor of a collective. Parts of all ranks are equally large and lie in the order of ranks.
struct Share {
  const std::byte* from = nullptr;
  std::byte* to = nullptr;
  std::int64_t numbers = 0;  ///< of one part
  Dtype dtype = Dtype::bf16;

  [[nodiscard]] std::int64_t bytes() const { return numbers * bytes_of(dtype); }
};

/// Ranks that exchange messages beside the kernels of a device. Messages between two ranks match in
/// order. Two implementations: NCCL, and a fake over memory that threads share.
class Communicator {
 public:
  virtual ~Communicator() = default;

  /// Puts one group of messages on a stream: they start together, and the stream goes on when all
  /// have been sent and received.
  [[nodiscard]] virtual Status exchange(StreamId stream, std::span<const Message> messages) = 0;
  /// Puts one group of all-gathers on a stream: this rank's part to the parts of all.
  [[nodiscard]] virtual Status all_gather(StreamId stream, std::span<const Share> shares) = 0;
  /// Puts one group of reduce-scatters on a stream: the sum of all ranks' parts for this rank.
  /// Order and rounding of sums are the implementation's.
  [[nodiscard]] virtual Status reduce_scatter(StreamId stream, std::span<const Share> shares) = 0;
  /// Messages will come from and go to this memory; may make them faster.
  [[nodiscard]] virtual Status adopt(std::byte* data, std::int64_t bytes) = 0;
  /// What went wrong meanwhile, on this or another rank.
  [[nodiscard]] virtual Status poll() = 0;
  /// Ends what is under way, here and on the other ranks. May be called from any thread.
  virtual void abort() = 0;
};

}  // namespace hsap::device
