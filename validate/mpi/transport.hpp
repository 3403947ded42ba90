#pragma once

#include <mpi.h>

#include <chrono>
#include <list>

#include "validate/host/transport.hpp"

namespace hsap::mpi {

/// Messages of one rank over MPI. A lane is a tag. What is sent is copied and kept until MPI has
/// taken it.
class MpiTransport final : public host::Transport {
 public:
  explicit MpiTransport(double patience_s) : patience_(patience_s) {}

  bool offer(const host::Lane& to, host::Message& message) override;
  std::optional<host::Message> take(const host::Lane& from) override;
  Wake wait() override;
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
  Clock::time_point waits_since_ = Clock::now();
  Clock::time_point waited_ = waits_since_;  ///< when the last wait ended
};

}  // namespace hsap::mpi
