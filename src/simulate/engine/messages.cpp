#include <algorithm>
#include <functional>

#include "simulate/engine/engine.hpp"

/// Exchanges. A message is ready when both its exchanges have started and the sender has packed;
/// it moves when both exchanges have room for one more.
///
/// Room cannot deadlock: only moving messages take it, all they need at once, and they always
/// finish. When one does, both its exchanges look at their waiting messages again, and a message
/// can only wait for room in one of its two exchanges.
namespace hsap {

const Message& Engine::message_at(std::uint32_t message) const {
  return in_.traffic.messages[message < messages_ ? message : message % messages_];
}

Route Engine::route_of(std::uint32_t message) const {
  const Channel& channel = message_at(message).channel;
  const int copy = in_.copies[message / messages_];
  return in_.machine.route(in_.place.gpu(copy, channel.from), in_.place.gpu(copy, channel.to));
}

std::uint32_t Engine::lane_running(std::uint32_t copy, Index op) const {
  const Operation& operation = in_.schedule.operations[op];
  const std::uint32_t unit = copy * in_.agenda.ranks() + static_cast<std::uint32_t>(operation.rank);
  return unit * lanes_per_unit_ + entry(op).lane;
}

Ends Engine::ends(std::uint32_t message) const {
  const Channel& channel = message_at(message).channel;
  const std::uint32_t ranks = in_.agenda.ranks();
  const std::uint32_t copy = message < messages_ ? 0 : message / messages_;
  const std::uint32_t lane = in_.agenda.lane_of[static_cast<std::size_t>(channel.stream)];
  const auto from = static_cast<std::uint32_t>(channel.from);
  const auto to = static_cast<std::uint32_t>(channel.to);
  return {(copy * ranks + from) * lanes_per_unit_ + lane,
          (copy * ranks + (to < ranks ? to : to % ranks)) * lanes_per_unit_ + lane};
}

void Engine::start_exchange(std::uint32_t lane) {
  Lane& state = lanes_[lane];
  const std::span<const Index> parts = in_.traffic.parts_of(state.head);
  units_[unit_of(lane)].clock.communication(now_, 1);
  mark_changed(unit_of(lane));
  state.open = static_cast<Index>(parts.size());
  state.sends = 0;
  if (parts.empty()) {
    queue_.push(now_, Event::Kind::exchange_end, lane);
    return;
  }
  const double packing = entry(state.head).seconds;
  for (const Index part : parts) {
    const Message& message = in_.traffic.messages[part];
    const std::uint32_t id = copy_of(lane) * messages_ + part;
    if (message.sender == state.head) ++state.sends;
    if (message.sender == message.receiver) {
      const double copying = 2 * message.bytes / in_.machine.memory_bandwidth_bytes_per_s;
      states_[id] = State::moving;
      queue_.push(now_ + copying, Event::Kind::copied, id);
    } else if (message.receiver == state.head || packing == 0) {
      arrive(id);
    }
  }
  if (packing > 0) queue_.push(now_ + packing, Event::Kind::packed, lane);
}

void Engine::send_packed(std::uint32_t lane) {
  const Index op = lanes_[lane].head;
  for (const Index part : in_.traffic.parts_of(op).first(lanes_[lane].sends)) {
    if (in_.traffic.messages[part].receiver != op) arrive(copy_of(lane) * messages_ + part);
  }
}

/// One side of the message is there.
void Engine::arrive(std::uint32_t message) {
  if (states_[message] == State::idle) {
    states_[message] = State::one_side;
    return;
  }
  states_[message] = State::ready;
  const Ends lanes = ends(message);
  if (room_.has(lanes)) return start_message(message, lanes);
  room_.wait(lanes, message_at(message).place);
}

void Engine::start_message(std::uint32_t message, const Ends& lanes) {
  states_[message] = State::moving;
  room_.take(lanes);
  queue_.push(now_ + route_of(message).latency_s, Event::Kind::latency_over, message);
}

bool Engine::is_in_switch(std::uint32_t message) const {
  const Index collective = message_at(message).collective;
  return collective != no_collective && in_.traffic.collectives[collective].in_switch &&
         !route_of(message).inter_node;
}

/// A message alone reaches half the bandwidth at the size `ramp_bytes`.
void Engine::start_flow(std::uint32_t message) {
  const double bytes = message_at(message).bytes;
  if (bytes <= 0) return message_done(message);
  const Route route = route_of(message);
  double cap = route.bandwidth_bytes_per_s * (bytes / (bytes + route.ramp_bytes));
  if (is_in_switch(message)) cap *= in_.machine.in_switch;
  if (message_at(message).collective == no_collective) {
    cap = std::min(cap, channels_.bytes_per_s(bytes));
  }
  path_.assign(route.links.begin(), route.links.end());
  if (!in_.like.empty()) {
    for (LinkId& link : path_) link = in_.like[link];
  }
  add_flow(message, network_.start(now_, {path_, cap, bytes, message}));
}

void Engine::message_done(std::uint32_t message) {
  states_[message] = State::done;
  const Message& done = message_at(message);
  if (done.collective != no_collective) return collective_message_done(message);
  const Ends lanes = ends(message);
  if (done.sender == done.receiver) return part_done(lanes.sender);
  room_.leave(lanes);
  admit_waiting(lanes.sender, Direction::send);
  admit_waiting(lanes.receiver, Direction::receive);
  if (!in_.runtime.duplex) {
    admit_waiting(lanes.sender, Direction::receive);
    admit_waiting(lanes.receiver, Direction::send);
  }
  part_done(lanes.sender);
  part_done(lanes.receiver);
}

/// Gives the room that a message left to those that wait for it, in transfer order.
void Engine::admit_waiting(std::uint32_t lane, Direction direction) {
  room_.find(lane, direction, candidates_);
  std::ranges::make_heap(candidates_, std::greater{});
  const std::span<const Index> parts = in_.traffic.parts_of(lanes_[lane].head);
  for (; !candidates_.empty() && room_.has(lane, direction); candidates_.pop_back()) {
    std::ranges::pop_heap(candidates_, std::greater{});
    const std::uint32_t message = copy_of(lane) * messages_ + parts[candidates_.back()];
    const Ends lanes = ends(message);
    if (!room_.has(lanes)) continue;
    room_.wait_no_longer(lanes);
    start_message(message, lanes);
  }
}

/// One message less to come; after the last one the rows go where they belong.
void Engine::part_done(std::uint32_t lane) {
  Lane& state = lanes_[lane];
  if (--state.open > 0) return;
  const double unpacking = entry(state.head).full_s;
  queue_.push(now_ + unpacking, Event::Kind::exchange_end, lane);
}

}  // namespace hsap
