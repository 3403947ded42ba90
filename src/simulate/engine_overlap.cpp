#include <algorithm>

#include "simulate/engine.hpp"

/// Kernels, and how computation and communication of a unit slow each other down while both move.
namespace hsap {

void Engine::start_kernel(std::uint32_t lane) {
  Lane& state = lanes_[lane];
  Unit& unit = units_[unit_of(lane)];
  unit.clock.kernel(now_, 1);
  state.work_s = in_.kernel_s[state.head];
  state.since = now_;
  ++state.generation;
  const double speed = unit.slowed ? slow_speed_ : 1;
  queue_.push(now_ + state.work_s / speed, Event::Kind::kernel_end, lane, state.generation);
  mark_changed(unit_of(lane));
}

void Engine::add_flow(std::uint32_t message, FlowId flow) {
  if (slow_speed_ == 1) return;
  for (const std::uint32_t lane : {ends(message).sender, ends(message).receiver}) {
    units_[unit_of(lane)].flows.push_back({flow, message});
    mark_changed(unit_of(lane));
  }
  network_.set_speed(now_, flow, speed_of_flow(message));
}

void Engine::remove_flow(std::uint32_t message) {
  if (slow_speed_ == 1) return;
  for (const std::uint32_t lane : {ends(message).sender, ends(message).receiver}) {
    std::vector<ActiveFlow>& flows = units_[unit_of(lane)].flows;
    const auto is_this = [&](const ActiveFlow& flow) { return flow.message == message; };
    flows.erase(std::find_if(flows.begin(), flows.end(), is_this));
    mark_changed(unit_of(lane));
  }
}

double Engine::speed_of_flow(std::uint32_t message) const {
  const bool slowed = units_[unit_of(ends(message).sender)].slowed ||
                      units_[unit_of(ends(message).receiver)].slowed;
  return slowed ? slow_speed_ : 1;
}

void Engine::mark_changed(std::uint32_t unit) {
  if (slow_speed_ == 1 || units_[unit].changed) return;
  units_[unit].changed = true;
  changed_.push_back(unit);
}

/// At the end of an instant: a kernel that follows another without a gap changes nothing.
void Engine::settle_overlap() {
  for (const std::uint32_t unit : changed_) {
    units_[unit].changed = false;
    const bool slowed = units_[unit].clock.computing() && !units_[unit].flows.empty();
    if (slowed == units_[unit].slowed) continue;
    units_[unit].slowed = slowed;
    change_speed(unit);
  }
  changed_.clear();
}

void Engine::change_speed(std::uint32_t unit) {
  const bool slowed = units_[unit].slowed;
  const double before = slowed ? 1 : slow_speed_;
  const double after = slowed ? slow_speed_ : 1;
  for (const ActiveFlow& flow : units_[unit].flows) {
    network_.set_speed(now_, flow.flow, speed_of_flow(flow.message));
  }
  for (std::uint32_t i = 0; i < lanes_per_unit_; ++i) {
    const std::uint32_t lane = unit * lanes_per_unit_ + i;
    Lane& state = lanes_[lane];
    if (!state.busy || communicates(in_.schedule.operations[state.head])) continue;
    state.work_s = std::max(0.0, state.work_s - (now_ - state.since) * before);
    state.since = now_;
    ++state.generation;
    queue_.push(now_ + state.work_s / after, Event::Kind::kernel_end, lane, state.generation);
  }
}

}  // namespace hsap
