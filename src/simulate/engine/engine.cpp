#include "simulate/engine/engine.hpp"

#include <algorithm>
#include <limits>

namespace hsap {
namespace {

NetworkOptions network_options(const EngineInput& input) {
  NetworkOptions options;
  options.record_use = input.record_link_use;
  return options;
}

/// Of kernels, whose share of the device is what communication leaves.
double crowded_speed(const EngineInput& input) {
  const double taken = static_cast<double>(input.runtime.communication_multiprocessors) /
                       std::max(1, input.machine.multiprocessors);
  return std::max(0.1, 1 - taken);
}

}  // namespace

Engine::Engine(const EngineInput& input)
    : in_(input),
      operations_(static_cast<Index>(input.agenda.entries.size())),
      messages_(static_cast<Index>(input.traffic.messages.size())),
      lanes_per_unit_(input.agenda.lanes),
      lanes_per_copy_(input.agenda.ranks() * lanes_per_unit_),
      crowded_speed_(crowded_speed(input)),
      slows_messages_(input.runtime.overlap_share < 1 || input.runtime.overlap_decay_s > 0),
      overlap_costs_(crowded_speed_ < 1 || slows_messages_),
      channels_(input.machine, input.runtime, input.traffic, input.place, !input.like.empty()),
      network_(input.machine.links, network_options(input)),
      room_({input.runtime.concurrent_peers, input.runtime.duplex},
            static_cast<std::uint32_t>(input.copies.size()), input.agenda.ranks(),
            lanes_per_unit_) {
  const std::size_t copies = input.copies.size();
  periods_.resize(copies * operations_);
  states_.assign(copies * messages_, State::idle);
  for (std::size_t copy = 0; copy < copies; ++copy) {
    for (Index i = 0; i < input.traffic.collectives.size(); ++i) {
      gatherings_.push_back(
          {input.traffic.meetings.ranges[i].count, input.traffic.collectives[i].messages.count});
    }
  }
  set_up_lanes();
}

void Engine::set_up_lanes() {
  const std::uint32_t ranks = in_.agenda.ranks();
  units_.resize(in_.copies.size() * ranks);
  lanes_.resize(units_.size() * lanes_per_unit_);
  for (std::uint32_t lane = 0; lane < lanes_.size(); ++lane) {
    Lane& state = lanes_[lane];
    state.unit = lane / lanes_per_unit_;
    state.copy = state.unit / ranks;
    state.rank = state.unit % ranks;
    const Range& program = in_.schedule.programs[state.rank];
    state.end = program.first + program.count;
    state.head = in_.agenda.first[lane % lanes_per_copy_];
  }
}

std::size_t Engine::instance(std::uint32_t copy, Index op) const {
  return std::size_t{copy} * operations_ + op;
}

Status Engine::run() {
  for (std::uint32_t unit = 0; unit < units_.size(); ++unit) start_what_can(unit);
  while (step()) {
  }
  if (ended_ < periods_.size()) return stuck();
  return {};
}

/// Everything of one instant is handled before the network and the overlap are worked out.
bool Engine::step() {
  if (queue_.empty() || queue_.next_s() > now_) {
    settle_overlap();
    const double never = std::numeric_limits<double>::infinity();
    const double flow_s = network_.next_finish(now_);
    const double event_s = queue_.empty() ? never : queue_.next_s();
    if (flow_s == never && event_s == never) return false;
    now_ = std::max(now_, std::min(flow_s, event_s));
    if (flow_s <= event_s) {
      finish_flows();
      return true;
    }
  }
  ++events_;
  handle(queue_.pop());
  return true;
}

void Engine::finish_flows() {
  finished_.clear();
  network_.finish(now_, finished_);
  events_ += finished_.size();
  for (const std::uint32_t message : finished_) {
    remove_flow(message);
    message_done(message);
  }
}

void Engine::handle(const Event& event) {
  switch (event.kind) {
    case Event::Kind::wake:
      lanes_[event.index].wakes = false;
      try_start(event.index);
      break;
    case Event::Kind::kernel_end:
      if (lanes_[event.index].busy && lanes_[event.index].generation == event.generation) {
        end_kernel(event.index);
      }
      break;
    case Event::Kind::packed:
      send_packed(event.index);
      break;
    case Event::Kind::latency_over:
      start_flow(event.index);
      break;
    case Event::Kind::copied:
      message_done(event.index);
      break;
    case Event::Kind::exchange_end:
      units_[unit_of(event.index)].clock.communication(now_, -1);
      mark_changed(unit_of(event.index));
      end(event.index);
      break;
  }
}

void Engine::start_what_can(std::uint32_t unit) {
  for (std::uint32_t i = 0; i < lanes_per_unit_; ++i) try_start(unit * lanes_per_unit_ + i);
}

bool Engine::dependencies_done(std::uint32_t copy, Index op) const {
  for (const Index dependency : dependencies_of(op)) {
    if (periods_[instance(copy, dependency)].end_s < 0) return false;
  }
  const std::vector<Index>& kernel_before = in_.agenda.kernel_before;
  if (kernel_before.empty() || kernel_before[op] == no_operation) return true;
  return periods_[instance(copy, kernel_before[op])].end_s >= 0;
}

/// When the head of a lane may start: it is issued, and what it waits for on other streams has
/// ended stream_wait_s ago. All it waits for has ended.
double Engine::ready_s(std::uint32_t lane) const {
  const Index head = lanes_[lane].head;
  const std::uint32_t copy = copy_of(lane);
  double ready = entry(head).issued_s;
  if (in_.runtime.stream_wait_s == 0) return ready;
  const auto wait_for = [&](Index op) {
    if (entry(op).lane == entry(head).lane) return;
    ready = std::max(ready, periods_[instance(copy, op)].end_s + in_.runtime.stream_wait_s);
  };
  for (const Index op : dependencies_of(head)) wait_for(op);
  const std::vector<Index>& kernel_before = in_.agenda.kernel_before;
  if (kernel_before.empty()) return ready;
  if (kernel_before[head] != no_operation) wait_for(kernel_before[head]);
  // Between communication and kernels issued after it the compute stream has waited for it, and
  // what communicates next waits for the compute stream.
  const Index before = lanes_[lane].before;
  if (entry(head).communicates() && before != no_operation && before + 1 != head) {
    ready = std::max(ready, periods_[instance(copy, before)].end_s + in_.runtime.stream_wait_s);
  }
  return ready;
}

void Engine::try_start(std::uint32_t lane) {
  Lane& state = lanes_[lane];
  if (state.busy || state.wakes || state.head == state.end) return;
  if (!dependencies_done(copy_of(lane), state.head)) return;
  double ready = ready_s(lane);
  if (ready <= now_ && entry(state.head).communicates()) {
    ready = entry_s(unit_of(lane));
    state.blocked = ready > now_;
  }
  if (ready <= now_) return start(lane);
  state.wakes = true;
  queue_.push(ready, Event::Kind::wake, lane);
}

void Engine::start(std::uint32_t lane) {
  Lane& state = lanes_[lane];
  state.busy = true;
  periods_[instance(copy_of(lane), state.head)].begin_s = now_;
  switch (entry(state.head).kind) {
    case Kind::exchange:
      start_exchange(lane);
      break;
    case Kind::all_gather:
    case Kind::reduce_scatter:
      start_collective(lane);
      break;
    default:
      start_kernel(lane);
      break;
  }
}

void Engine::end(std::uint32_t lane) {
  Lane& state = lanes_[lane];
  periods_[instance(copy_of(lane), state.head)].end_s = now_;
  ++ended_;
  state.busy = false;
  state.before = state.head;
  state.head = entry(state.head).next;
  start_what_can(unit_of(lane));
}

}  // namespace hsap
