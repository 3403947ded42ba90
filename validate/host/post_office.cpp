#include "validate/host/post_office.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace hsap::host {

PostOffice::PostOffice(Rank ranks, std::size_t room_bytes, double patience_s)
    : desks_(static_cast<std::size_t>(ranks)), room_bytes_(room_bytes), patience_(patience_s) {}

void PostOffice::ring(Rank rank) {
  Desk& desk = desks_[static_cast<std::size_t>(rank)];
  desk.rung = true;
  desk.bell.notify_one();
}

bool PostOffice::offer(Rank from, const Lane& to, Message& message) {
  const std::scoped_lock lock(mutex_);
  Desk& desk = desks_[static_cast<std::size_t>(to.peer)];
  std::deque<Message>& lane = desk.lanes[{from, to.stream, to.collective}];
  std::size_t held = 0;
  for (const Message& waiting : lane) held += waiting.size();
  if (!lane.empty() && held + message.size() > room_bytes_) return false;
  lane.push_back(std::move(message));
  ring(to.peer);
  return true;
}

std::optional<Message> PostOffice::take(Rank to, const Lane& from) {
  const std::scoped_lock lock(mutex_);
  std::deque<Message>& lane = desks_[static_cast<std::size_t>(to)].lanes[from];
  if (lane.empty()) return {};
  Message message = std::move(lane.front());
  lane.pop_front();
  ring(from.peer);  // who may have waited for room
  return message;
}

bool PostOffice::all_wait() const {
  return std::all_of(desks_.begin(), desks_.end(),
                     [](const Desk& desk) { return desk.left || (desk.waits && !desk.rung); });
}

Transport::Wake PostOffice::wait(Rank rank) {
  std::unique_lock lock(mutex_);
  Desk& desk = desks_[static_cast<std::size_t>(rank)];
  desk.waits = true;
  if (all_wait()) {
    stuck_ = true;
    for (Desk& each : desks_) each.bell.notify_one();
  }
  const bool in_time =
      desk.bell.wait_for(lock, patience_, [&] { return desk.rung || stuck_ || stopped_; });
  desk.waits = false;
  const bool rung = std::exchange(desk.rung, false);
  if (stuck_ || !in_time) return Transport::Wake::stuck;
  if (stopped_) return Transport::Wake::stopped;
  return rung ? Transport::Wake::look : Transport::Wake::stopped;
}

void PostOffice::leave(Rank rank, bool failed) {
  const std::scoped_lock lock(mutex_);
  desks_[static_cast<std::size_t>(rank)].left = true;
  // Whoever still waits for this rank may now be stuck, and looks once more to find out.
  for (Desk& desk : desks_) {
    if (failed) stopped_ = true;
    desk.rung = true;
    desk.bell.notify_one();
  }
}

std::string PostOffice::leftovers() {
  const std::scoped_lock lock(mutex_);
  std::string text;
  for (std::size_t to = 0; to < desks_.size(); ++to) {
    for (const auto& [lane, messages] : desks_[to].lanes) {
      if (messages.empty()) continue;
      text += fmt::format("{}{} from rank {} to rank {}", text.empty() ? "" : ", ", messages.size(),
                          lane.peer, to);
    }
  }
  return text;
}

}  // namespace hsap::host
