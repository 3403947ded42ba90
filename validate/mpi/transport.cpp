#include "validate/mpi/transport.hpp"

#include <fmt/format.h>

#include <thread>

namespace hsap::mpi {
namespace {

/// Bytes under way on a lane before the next message has to wait; one message always may go.
constexpr std::size_t lane_bytes = std::size_t{64} << 20;
constexpr std::chrono::microseconds pause{50};
/// Who comes back to wait after longer than this has been computing.
constexpr std::chrono::milliseconds busy{10};

int tag_of(const host::Lane& lane) {
  return 2 * static_cast<int>(lane.stream) + (lane.collective ? 1 : 0);
}

}  // namespace

void MpiTransport::drop_taken() {
  sent_.remove_if([](Sent& sent) {
    int done = 0;
    MPI_Test(&sent.request, &done, MPI_STATUS_IGNORE);
    return done != 0;
  });
}

bool MpiTransport::offer(const host::Lane& to, host::Message& message) {
  drop_taken();
  std::size_t held = 0;
  bool empty = true;
  for (const Sent& sent : sent_) {
    if (sent.lane != to) continue;
    held += sent.message.size();
    empty = false;
  }
  if (!empty && held + message.size() > lane_bytes) return false;
  Sent& sent = sent_.emplace_back(Sent{to, std::move(message)});
  MPI_Isend(sent.message.data(), static_cast<int>(sent.message.size()), MPI_BYTE, to.peer,
            tag_of(to), MPI_COMM_WORLD, &sent.request);
  ++sent_to_[static_cast<std::size_t>(to.peer)];
  waits_since_ = Clock::now();
  return true;
}

std::optional<host::Message> MpiTransport::take(const host::Lane& from) {
  int arrived = 0;
  MPI_Status status;
  MPI_Iprobe(from.peer, tag_of(from), MPI_COMM_WORLD, &arrived, &status);
  if (arrived == 0) return {};
  int bytes = 0;
  MPI_Get_count(&status, MPI_BYTE, &bytes);
  host::Message message(static_cast<std::size_t>(bytes));
  MPI_Recv(message.data(), bytes, MPI_BYTE, from.peer, tag_of(from), MPI_COMM_WORLD,
           MPI_STATUS_IGNORE);
  ++taken_from_[static_cast<std::size_t>(from.peer)];
  waits_since_ = Clock::now();
  return message;
}

host::Transport::Wake MpiTransport::wait() {
  const Clock::time_point now = Clock::now();
  if (now - waited_ > busy) waits_since_ = now;
  std::this_thread::sleep_for(pause);
  drop_taken();
  waited_ = Clock::now();
  return waited_ - waits_since_ > patience_ ? Wake::stuck : Wake::look;
}

std::string MpiTransport::leftovers() const {
  std::vector<int> meant_for_me(sent_to_.size());
  MPI_Alltoall(sent_to_.data(), 1, MPI_INT, meant_for_me.data(), 1, MPI_INT, MPI_COMM_WORLD);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  std::string text;
  for (std::size_t peer = 0; peer < meant_for_me.size(); ++peer) {
    const int left = meant_for_me[peer] - taken_from_[peer];
    if (left > 0) text += fmt::format("\n  rank {} left {} from rank {}", rank, left, peer);
  }
  return text;
}

void MpiTransport::finish() {
  for (Sent& sent : sent_) MPI_Wait(&sent.request, MPI_STATUS_IGNORE);
  sent_.clear();
}

}  // namespace hsap::mpi
