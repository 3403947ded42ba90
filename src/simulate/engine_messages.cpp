#include <algorithm>

#include "simulate/engine.hpp"

/// Exchanges. A message is ready when both its exchanges have started and the sender has packed;
/// it moves when both exchanges have room for one more.
///
/// Room cannot deadlock: only moving messages take it, all they need at once, and they always
/// finish. When one does, both its exchanges look at their waiting messages again, and a message
/// can only wait for room in one of its two exchanges.
namespace hsap {
namespace {

constexpr std::size_t side_of(Direction direction) { return static_cast<std::size_t>(direction); }

}  // namespace

const Message& Engine::message_at(std::uint32_t message) const {
  return in_.traffic.messages[message < messages_ ? message : message % messages_];
}

Route Engine::route_of(std::uint32_t message) const {
  const Channel& channel = in_.traffic.channels[message_at(message).channel];
  const int copy = in_.copies[message / messages_];
  return in_.machine.route(in_.place.gpu(copy, channel.from), in_.place.gpu(copy, channel.to));
}

std::uint32_t Engine::lane_running(std::uint32_t copy, Index op) const {
  const Operation& operation = in_.schedule.operations[op];
  const std::uint32_t unit = copy * in_.agenda.ranks() + static_cast<std::uint32_t>(operation.rank);
  return unit * lanes_per_unit_ + entry(op).lane;
}

/// A channel has the same lanes at both ends for all its messages.
void Engine::set_up_ends() {
  ends_.resize(in_.traffic.channels.size(), {none, none});
  for (const Message& message : in_.traffic.messages) {
    Ends& ends = ends_[message.channel];
    if (ends.sender != none) continue;
    ends = {lane_running(0, message.sender), lane_running(0, message.receiver)};
  }
}

Engine::Ends Engine::ends(std::uint32_t message) const {
  const Ends first = ends_[message_at(message).channel];
  if (message < messages_) return first;
  const std::uint32_t shift = message / messages_ * lanes_per_copy_;
  return {first.sender + shift, first.receiver + shift};
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
  if (has_room(message)) return start_message(message);
  const Ends lanes = ends(message);
  set_waiting(lanes, true);
  change_side(lanes.sender, Direction::send, 0, 1);
  change_side(lanes.receiver, Direction::receive, 0, 1);
}

bool Engine::has_room(std::uint32_t lane, Direction direction) const {
  return limit_ == 0 || sides_[lane][side_of(direction)].moving < limit_;
}

bool Engine::has_room(std::uint32_t message) const {
  const Ends lanes = ends(message);
  return has_room(lanes.sender, Direction::send) && has_room(lanes.receiver, Direction::receive) &&
         (in_.runtime.duplex || !answers(message));
}

/// The message between the running exchanges of two lanes, or none. Those of a rank stand in the
/// order of their receivers, and mostly as many for each, so the search begins where it then is.
std::uint32_t Engine::message_between(const Ends& lanes) const {
  const Index* const sent = in_.traffic.sent.data() + lanes_[lanes.sender].rank;
  const Index sender = lanes_[lanes.sender].head;
  const Index receiver = lanes_[lanes.receiver].head;
  const auto before = [](const Message& message, Index op) { return message.receiver < op; };
  const auto first = in_.traffic.messages.begin() + sent[0];
  const auto end = in_.traffic.messages.begin() + sent[1];
  const std::ptrdiff_t guess = (end - first) * lanes_[lanes.receiver].rank / in_.agenda.ranks();
  auto at = first + guess;
  if (at != end && at->receiver < receiver) {
    std::ptrdiff_t step = 1;
    for (; step < end - at && at[step].receiver < receiver; step *= 2) at += step;
    at = std::lower_bound(at, std::min(at + step, end), receiver, before);
  } else {
    at = std::lower_bound(first, at, receiver, before);
  }
  for (; at != end && at->receiver == receiver; ++at) {
    if (at->sender != sender) continue;
    return copy_of(lanes.sender) * messages_ +
           static_cast<Index>(at - in_.traffic.messages.begin());
  }
  return none;
}

/// Whether a message moves the other way between the same two exchanges. Without a group both
/// directions of a pair share one queue; other pairs have their own.
bool Engine::answers(std::uint32_t message) const {
  const Ends lanes = ends(message);
  const std::uint32_t other = message_between({lanes.receiver, lanes.sender});
  return other != none && states_[other] == State::moving;
}

void Engine::start_message(std::uint32_t message) {
  const Ends lanes = ends(message);
  states_[message] = State::moving;
  change_side(lanes.sender, Direction::send, 1, 0);
  change_side(lanes.receiver, Direction::receive, 1, 0);
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
  change_side(lanes.sender, Direction::send, -1, 0);
  change_side(lanes.receiver, Direction::receive, -1, 0);
  admit_waiting(lanes.sender, Direction::send);
  admit_waiting(lanes.receiver, Direction::receive);
  if (!in_.runtime.duplex) {
    admit_waiting(lanes.sender, Direction::receive);
    admit_waiting(lanes.receiver, Direction::send);
  }
  part_done(lanes.sender);
  part_done(lanes.receiver);
}

/// Notes that the message between two lanes is ready but has no room, or has it now.
void Engine::set_waiting(const Ends& lanes, bool waiting) {
  std::vector<bool>& row = waiting_[lanes.sender];
  if (row.empty()) row.resize(lanes_per_copy_);
  row[lanes.receiver - copy_of(lanes.receiver) * lanes_per_copy_] = waiting;
}

bool Engine::is_waiting(const Ends& lanes) const {
  const std::vector<bool>& row = waiting_[lanes.sender];
  return !row.empty() && row[lanes.receiver - copy_of(lanes.receiver) * lanes_per_copy_];
}

/// Counts messages and keeps roomy_ in step.
void Engine::change_side(std::uint32_t lane, Direction direction, int moving, int waiting) {
  Side& side = sides_[lane][side_of(direction)];
  side.moving += moving;
  side.waiting += static_cast<Index>(waiting);
  const bool roomy = side.waiting > 0 && has_room(lane, direction);
  if (roomy == (side.place != none)) return;
  std::vector<std::uint32_t>& list = roomy_[side_of(direction)];
  if (roomy) {
    side.place = static_cast<std::uint32_t>(list.size());
    list.push_back(lane);
    return;
  }
  sides_[list.back()][side_of(direction)].place = side.place;
  list[side.place] = list.back();
  list.pop_back();
  side.place = none;
}

/// Messages of a lane that wait and have room now: looks at all its messages, or at the lanes with
/// room that have messages waiting, whichever are fewer. In a large all-to-all those are a handful.
void Engine::find_candidates(std::uint32_t lane, Direction direction) {
  candidates_.clear();
  const auto consider = [&](std::uint32_t message) {
    if (states_[message] != State::ready || !has_room(message)) return;
    candidates_.emplace_back(message_at(message).place[side_of(direction)], message);
  };
  const bool sends = direction == Direction::send;
  const std::vector<std::uint32_t>& others =
      roomy_[side_of(sends ? Direction::receive : Direction::send)];
  const std::span<const Index> all = in_.traffic.parts_of(lanes_[lane].head);
  const Index sent = lanes_[lane].sends;
  const std::span<const Index> parts = sends ? all.first(sent) : all.subspan(sent);
  if (parts.size() < others.size()) {
    for (const Index part : parts) consider(copy_of(lane) * messages_ + part);
    return;
  }
  for (const std::uint32_t other : others) {
    if (copy_of(other) != copy_of(lane)) continue;
    const Ends lanes = sends ? Ends{lane, other} : Ends{other, lane};
    if (is_waiting(lanes)) consider(message_between(lanes));
  }
}

/// Gives the room that a message left to those that wait for it, in transfer order.
void Engine::admit_waiting(std::uint32_t lane, Direction direction) {
  if (sides_[lane][side_of(direction)].place == none) return;
  find_candidates(lane, direction);
  std::ranges::sort(candidates_);
  for (const auto& [place, message] : candidates_) {
    if (!has_room(message)) continue;
    const Ends lanes = ends(message);
    set_waiting(lanes, false);
    change_side(lanes.sender, Direction::send, 0, -1);
    change_side(lanes.receiver, Direction::receive, 0, -1);
    start_message(message);
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
