#include "simulate/engine.hpp"
#include "simulate/packing.hpp"

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
  const std::uint32_t ranks = static_cast<std::uint32_t>(in_.schedule.programs.size());
  return lane_of(copy * ranks + static_cast<std::uint32_t>(operation.rank), operation.stream);
}

std::uint32_t Engine::sender_lane(std::uint32_t message) const {
  return lane_running(message / messages_, message_at(message).sender);
}

std::uint32_t Engine::receiver_lane(std::uint32_t message) const {
  return lane_running(message / messages_, message_at(message).receiver);
}

double Engine::packing_s(const Operation& op, Direction direction) const {
  if (!in_.runtime.packs_transfers) return 0;
  const double bytes = static_cast<double>(packed_bytes(in_.schedule, op, direction));
  return 2 * bytes / in_.machine.memory_bandwidth_bytes_per_s;
}

void Engine::start_exchange(std::uint32_t lane) {
  Lane& state = lanes_[lane];
  const std::span<const Index> parts = in_.traffic.parts_of(state.head);
  units_[unit_of(lane)].clock.communication(now_, 1);
  state.open = static_cast<Index>(parts.size());
  state.first_open = 0;
  state.sending = state.receiving = 0;
  if (parts.empty()) {
    queue_.push(now_, Event::Kind::exchange_end, lane);
    return;
  }
  const double packing = packing_s(in_.schedule.operations[state.head], Direction::send);
  for (const Index part : parts) {
    const Message& message = in_.traffic.messages[part];
    const std::uint32_t id = copy_of(lane) * messages_ + part;
    if (message.sender == message.receiver) {
      const double copying = 2 * message.bytes / in_.machine.memory_bandwidth_bytes_per_s;
      queue_.push(now_ + copying, Event::Kind::copied, id);
    } else if (message.receiver == state.head) {
      arrive(id);
    } else if (packing == 0) {
      arrive(id);
    }
  }
  if (packing > 0) queue_.push(now_ + packing, Event::Kind::packed, lane);
}

void Engine::send_packed(std::uint32_t lane) {
  const Index op = lanes_[lane].head;
  for (const Index part : in_.traffic.parts_of(op)) {
    const Message& message = in_.traffic.messages[part];
    if (message.sender != op || message.receiver == op) continue;
    arrive(copy_of(lane) * messages_ + part);
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
  const Lane& sender = lanes_[sender_lane(message)];
  const Lane& receiver = lanes_[receiver_lane(message)];
  if (limit_ > 0 && (sender.sending >= limit_ || receiver.receiving >= limit_)) return false;
  return in_.runtime.duplex || (sender.receiving == 0 && receiver.sending == 0);
}

void Engine::start_message(std::uint32_t message) {
  states_[message] = State::moving;
  ++lanes_[sender_lane(message)].sending;
  ++lanes_[receiver_lane(message)].receiving;
  queue_.push(now_ + route_of(message).latency_s, Event::Kind::latency_over, message);
}

/// A message alone reaches half the bandwidth at the size `ramp_bytes`.
void Engine::start_flow(std::uint32_t message) {
  const double bytes = message_at(message).bytes;
  if (bytes <= 0) return message_done(message);
  const Route& route = route_of(message);
  const double cap = route.bandwidth_bytes_per_s * (bytes / (bytes + route.ramp_bytes));
  path_.assign(route.links.begin(), route.links.end());
  add_flow(message, network_.start(now_, {path_, cap, bytes, message}));
}

void Engine::message_done(std::uint32_t message) {
  states_[message] = State::done;
  const Message& done = message_at(message);
  if (done.collective != no_collective) return collective_message_done(message);
  const std::uint32_t sender = sender_lane(message);
  if (done.sender == done.receiver) return part_done(sender);
  const std::uint32_t receiver = receiver_lane(message);
  --lanes_[sender].sending;
  --lanes_[receiver].receiving;
  admit_waiting(sender);
  admit_waiting(receiver);
  part_done(sender);
  part_done(receiver);
}

/// Starts the ready messages that have room now, in transfer order.
void Engine::admit_waiting(std::uint32_t lane) {
  if (limit_ == 0 && in_.runtime.duplex) return;
  Lane& state = lanes_[lane];
  const std::span<const Index> parts = in_.traffic.parts_of(state.head);
  const std::uint32_t base = copy_of(lane) * messages_;
  while (state.first_open < parts.size() &&
         states_[base + parts[state.first_open]] >= State::moving) {
    ++state.first_open;
  }
  for (Index i = state.first_open; i < parts.size(); ++i) {
    const bool full = limit_ > 0 && state.sending >= limit_ && state.receiving >= limit_;
    if (full) return;
    if (states_[base + parts[i]] == State::ready && has_room(base + parts[i])) {
      start_message(base + parts[i]);
    }
  }
}

/// One message less to come; after the last one the rows go where they belong.
void Engine::part_done(std::uint32_t lane) {
  Lane& state = lanes_[lane];
  if (--state.open > 0) return;
  const double unpacking = packing_s(in_.schedule.operations[state.head], Direction::receive);
  queue_.push(now_ + unpacking, Event::Kind::exchange_end, lane);
}

}  // namespace hsap
