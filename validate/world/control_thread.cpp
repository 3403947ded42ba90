// What the thread of a control does.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "validate/world/control.hpp"

namespace hsap::world {
namespace {

constexpr std::size_t most_report_bytes = 64 << 10;
/// For the last frames to go out when a process leaves.
constexpr double parting_s = 2;

}  // namespace

Frame to_frame(const Loss& loss) {
  Writer writer;
  writer.number(static_cast<std::uint32_t>(loss.rank));
  writer.number(loss.failed ? 1 : 0);
  writer.text(loss.why.substr(0, most_report_bytes));
  return {FrameKind::loss, writer.take()};
}

std::vector<Channel*> Control::channels() {
  std::vector<Channel*> list;
  for (Peer& peer : peers_) list.push_back(&peer.channel);
  return list;
}

void Control::run() {
  while (one_round()) {
    wait_for(channels(), bell_.get(), next_heartbeat_);
    std::uint64_t rings = 0;
    static_cast<void>(!::read(bell_.get(), &rings, sizeof rings));
  }
  part(channels(), Clock::now() + seconds(parting_s));
}

/// False once this process wants to leave.
bool Control::one_round() {
  const Clock::time_point now = Clock::now();
  // Who was stopped himself must not blame the others.
  const bool was_asleep = now - last_round_ > seconds(limits_.silence_s / 2);
  last_round_ = now;
  const std::lock_guard lock(mutex_);
  for (Peer& peer : peers_) {
    if (was_asleep) peer.heard = now;
    look_at(peer, now);
  }
  finish_if_all_have();
  const bool beat = now >= next_heartbeat_;
  if (beat) next_heartbeat_ = now + seconds(limits_.heartbeat_s);
  for (Peer& peer : peers_) {
    for (const Frame& frame : peer.outbox) peer.channel.put(frame);
    peer.outbox.clear();
    // Nothing piles up for a process that does not read.
    if (beat && !peer.channel.unsent()) peer.channel.put({FrameKind::alive, {}});
    peer.channel.write();
  }
  return !stopping_;
}

void Control::look_at(Peer& peer, Clock::time_point now) {
  if (peer.channel.read()) peer.heard = now;
  while (const std::optional<Frame> frame = peer.channel.take()) {
    if (!handle(peer, *frame)) lose(peer, "it sent a frame that does not belong there");
  }
  if (peer.channel.state() == Channel::State::garbage) {
    lose(peer, "it sent something that is no frame");
  } else if (!peer.channel.open()) {
    lose(peer, "its connection closed before the run was over");
  } else if (now - peer.heard > seconds(limits_.silence_s)) {
    lose(peer, fmt::format("no sign of life for {} s", limits_.silence_s));
  }
}

/// The others leave once a run is over, well or not: that is no news.
void Control::lose(Peer& peer, const std::string& why) {
  if (peer.gone) return;
  peer.gone = true;
  changed_.notify_all();
  if (!all_finished_ && losses_.empty()) record_and_tell({peer.rank, false, why});
}

bool Control::handle(Peer& peer, const Frame& frame) {
  switch (frame.kind) {
    case FrameKind::alive:
      return true;
    case FrameKind::data:
      return handle_data(peer, frame.payload);
    case FrameKind::loss:
      return handle_loss(peer, frame.payload);
    case FrameKind::waited:
      return rank_ == 0 && handle_waited(peer, frame.payload);
    case FrameKind::finish:
      peer.finished = true;
      return rank_ == 0;
    case FrameKind::finished:
      all_finished_ = true;
      changed_.notify_all();
      return rank_ != 0;
    default:
      return false;
  }
}

bool Control::handle_data(Peer& peer, const std::string& payload) {
  Reader reader(payload);
  Part part;
  const std::uint32_t step = reader.number();
  part.number = reader.number();
  part.bytes = reader.text(most_frame_bytes);
  if (!reader.done() || step > static_cast<std::uint32_t>(Step::finish)) return false;
  part.step = static_cast<Step>(step);
  peer.reached = part.number + 1;
  peer.inbox.push_back(std::move(part));
  changed_.notify_all();
  return true;
}

bool Control::handle_loss(const Peer& peer, const std::string& payload) {
  Reader reader(payload);
  Loss loss;
  loss.rank = static_cast<int>(reader.number());
  loss.failed = reader.number() != 0;
  loss.why = reader.text(most_report_bytes);
  if (!reader.done()) return false;
  if (rank_ != 0) {
    record(loss);
    return true;
  }
  // A rank speaks for itself only, also when it has lost rank 0.
  loss.rank = peer.rank;
  loss.failed = true;
  record_and_tell(loss);
  return true;
}

bool Control::handle_waited(const Peer& peer, const std::string& payload) {
  Reader reader(payload);
  const std::uint32_t step = reader.number();
  const std::uint32_t number = reader.number();
  const double limit_s = reader.number() / 1e3;
  if (!reader.done() || step > static_cast<std::uint32_t>(Step::finish)) return false;
  record_and_tell({peer.rank, true, waited_for(static_cast<Step>(step), number, limit_s)});
  return true;
}

}  // namespace hsap::world
