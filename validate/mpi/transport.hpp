#pragma once

#include <mpi.h>

#include <chrono>
#include <list>
#include <string>
#include <vector>

#include "validate/host/transport.hpp"

namespace hsap::mpi {

/// Messages of one rank over MPI. A lane is a tag. What is sent is copied and kept until MPI has
/// taken it.
class MpiTransport final : public host::Transport {
 public:
  /// Of a run of `ranks` processes that gives up after waiting for so long.
  MpiTransport(double patience_s, int ranks)
      : patience_(patience_s),
        sent_to_(static_cast<std::size_t>(ranks), 0),
        taken_from_(static_cast<std::size_t>(ranks), 0) {}

  bool offer(const host::Lane& to, host::Message& message) override;
  std::optional<host::Message> take(const host::Lane& from) override;
  Wake wait() override;
  /// After every rank came to its end: messages to this one that it never took, in words. All
  /// ranks call it together.
  [[nodiscard]] std::string leftovers() const;
  /// Waits for MPI to take what was sent, after a run that went well.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  struct Sent {
    host::Lane lane;
    host::Message message;
    MPI_Request request = MPI_REQUEST_NULL;
  };
  void drop_taken();

  std::chrono::duration<double> patience_;
  std::list<Sent> sent_;
  std::vector<int> sent_to_;     ///< messages, by receiver
  std::vector<int> taken_from_;  ///< messages, by sender
  Clock::time_point waits_since_ = Clock::now();
  Clock::time_point waited_ = waits_since_;  ///< when the last wait ended
};

}  // namespace hsap::mpi
