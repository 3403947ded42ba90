#include <algorithm>

#include "simulate/engine.hpp"

/// Exchanges. A message is ready when both its exchanges have started and the sender has packed;
/// it moves when both exchanges have room for one more.
///
/// Room cannot deadlock: only moving messages take it, all they need at once, and they always
/// finish. When one does, both its exchanges look through their waiting messages again, and a
/// message can only wait for room in one of its two exchanges.
namespace hsap {

const Message& Engine::message_at(std::uint32_t message) const {
  return in_.traffic.messages[message % messages_];
}

const Route& Engine::route_of(std::uint32_t message) const {
  const std::size_t copy = message / messages_;
  return in_.routes.routes[copy * in_.traffic.channels.size() + message_at(message).channel];
}

std::uint32_t Engine::lane_running(std::uint32_t copy, Index op) const {
  const Operation& operation = in_.schedule.operations[op];
  const std::uint32_t unit = copy * in_.agenda.ranks() + static_cast<std::uint32_t>(operation.rank);
  return unit * lanes_per_unit_ + entry(op).lane;
}

/// Looked up for every message that waits, so worked out once.
void Engine::set_up_ends() {
  ends_.reserve(messages_);
  for (const Message& message : in_.traffic.messages) {
    ends_.push_back({lane_running(0, message.sender), lane_running(0, message.receiver)});
  }
}

Engine::Ends Engine::ends(std::uint32_t message) const {
  const std::uint32_t copy = message / messages_;
  const Ends first = ends_[message - copy * messages_];
  return {first.sender + copy * lanes_per_copy_, first.receiver + copy * lanes_per_copy_};
}

void Engine::start_exchange(std::uint32_t lane) {
  Lane& state = lanes_[lane];
  const std::span<const Index> parts = in_.traffic.parts_of(state.head);
  units_[unit_of(lane)].clock.communication(now_, 1);
  mark_changed(unit_of(lane));
  state.open = static_cast<Index>(parts.size());
  state.sends = {0, 0};
  if (parts.empty()) {
    queue_.push(now_, Event::Kind::exchange_end, lane);
    return;
  }
  const double packing = entry(state.head).seconds;
  for (const Index part : parts) {
    const Message& message = in_.traffic.messages[part];
    const std::uint32_t id = copy_of(lane) * messages_ + part;
    if (message.sender == state.head) ++state.sends.end;
    if (message.sender == message.receiver) {
      const double copying = 2 * message.bytes / in_.machine.memory_bandwidth_bytes_per_s;
      states_[id] = State::moving;
      queue_.push(now_ + copying, Event::Kind::copied, id);
    } else if (message.receiver == state.head || packing == 0) {
      arrive(id);
    }
  }
  state.receives = {state.sends.end, state.open};
  if (packing > 0) queue_.push(now_ + packing, Event::Kind::packed, lane);
}

void Engine::send_packed(std::uint32_t lane) {
  const Index op = lanes_[lane].head;
  for (const Index part : in_.traffic.parts_of(op).first(lanes_[lane].sends.end)) {
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
  if (has_room(message)) start_message(message);
}

bool Engine::has_room(std::uint32_t message) const {
  const Ends lanes = ends(message);
  if (limit_ > 0 && (moving_[lanes.sender].out >= limit_ || moving_[lanes.receiver].in >= limit_)) {
    return false;
  }
  return in_.runtime.duplex || !answers(message);
}

/// Whether a message moves the other way between the same two exchanges. Without a group both
/// directions of a pair share one queue; other pairs have their own.
bool Engine::answers(std::uint32_t message) const {
  const Message& own = message_at(message);
  const std::uint32_t base = message - message % messages_;
  for (const Index part : in_.traffic.parts_of(own.sender)) {
    const Message& other = in_.traffic.messages[part];
    const bool reverse = other.sender == own.receiver && other.receiver == own.sender;
    if (reverse && own.sender != own.receiver && states_[base + part] == State::moving) return true;
  }
  return false;
}

void Engine::start_message(std::uint32_t message) {
  states_[message] = State::moving;
  ++moving_[ends(message).sender].out;
  ++moving_[ends(message).receiver].in;
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
  const Route& route = route_of(message);
  double cap = route.bandwidth_bytes_per_s * (bytes / (bytes + route.ramp_bytes));
  if (is_in_switch(message)) cap *= in_.machine.in_switch;
  if (message_at(message).collective == no_collective) {
    cap = std::min(cap, channels_.bytes_per_s(bytes));
  }
  path_.assign(route.links.begin(), route.links.end());
  if (!in_.routes.like.empty()) {
    for (LinkId& link : path_) link = in_.routes.like[link];
  }
  add_flow(message, network_.start(now_, {path_, cap, bytes, message}));
}

void Engine::message_done(std::uint32_t message) {
  states_[message] = State::done;
  const Message& done = message_at(message);
  if (done.collective != no_collective) return collective_message_done(message);
  const Ends lanes = ends(message);
  if (done.sender == done.receiver) return part_done(lanes.sender);
  --moving_[lanes.sender].out;
  --moving_[lanes.receiver].in;
  admit_waiting(lanes);
  part_done(lanes.sender);
  part_done(lanes.receiver);
}

/// Gives the room that a message left to those that wait for it, in transfer order.
void Engine::admit_waiting(const Ends& lanes) {
  if (limit_ == 0 && in_.runtime.duplex) return;
  admit_waiting(lanes.sender, lanes_[lanes.sender].sends);
  admit_waiting(lanes.receiver, lanes_[lanes.receiver].receives);
  if (in_.runtime.duplex) return;
  admit_waiting(lanes.sender, lanes_[lanes.sender].receives);
  admit_waiting(lanes.receiver, lanes_[lanes.receiver].sends);
}

void Engine::admit_waiting(std::uint32_t lane, Waiting& waiting) {
  const std::span<const Index> parts = in_.traffic.parts_of(lanes_[lane].head);
  const std::uint32_t base = copy_of(lane) * messages_;
  while (waiting.begin < waiting.end && states_[base + parts[waiting.begin]] >= State::moving) {
    ++waiting.begin;
  }
  const bool sends = &waiting == &lanes_[lane].sends;
  for (Index i = waiting.begin; i < waiting.end; ++i) {
    if (limit_ > 0 && (sends ? moving_[lane].out : moving_[lane].in) >= limit_) return;
    const std::uint32_t message = base + parts[i];
    if (states_[message] == State::ready && has_room(message)) start_message(message);
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
