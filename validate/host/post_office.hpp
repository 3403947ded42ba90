#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "validate/host/transport.hpp"

namespace hsap::host {

/// Messages between the ranks of one process. A lane holds at most `room_bytes`, but always at
/// least one message; who offers more has to wait. Knows when nobody can ever go on: when every
/// rank waits and nothing has changed for any of them since it looked.
class PostOffice {
 public:
  PostOffice(Rank ranks, std::size_t room_bytes, double patience_s);

  [[nodiscard]] bool offer(Rank from, const Lane& to, Message& message);
  [[nodiscard]] std::optional<Message> take(Rank to, const Lane& from);
  [[nodiscard]] Transport::Wake wait(Rank rank);
  /// The rank has ended, well or because it failed; a failure stops all others.
  void leave(Rank rank, bool failed);
  /// Once all have left: messages that nobody took, "2 from rank 0 to rank 3"; empty when none.
  [[nodiscard]] std::string leftovers();

 private:
  struct Desk {
    std::map<Lane, std::deque<Message>> lanes;  ///< by sender
    std::condition_variable bell;
    bool rung = false;  ///< since the rank last waited
    bool waits = false;
    bool left = false;
  };
  [[nodiscard]] bool all_wait() const;
  void ring(Rank rank);

  std::mutex mutex_;
  std::deque<Desk> desks_;  ///< by rank
  std::size_t room_bytes_;
  std::chrono::duration<double> patience_;
  bool stopped_ = false;
  bool stuck_ = false;
};

/// One rank's way into the post office.
class Counter final : public Transport {
 public:
  Counter(PostOffice& office, Rank rank) : office_(office), rank_(rank) {}

  bool offer(const Lane& to, Message& message) override {
    return office_.offer(rank_, to, message);
  }
  std::optional<Message> take(const Lane& from) override { return office_.take(rank_, from); }
  Wake wait() override { return office_.wait(rank_); }

 private:
  PostOffice& office_;
  Rank rank_;
};

}  // namespace hsap::host
