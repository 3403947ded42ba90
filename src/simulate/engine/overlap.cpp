#include <algorithm>
#include <cmath>

#include "simulate/engine/engine.hpp"

/// Kernels, and what computation and communication of a unit do to each other: communication takes
/// multiprocessors from kernels while it runs, has to get in first where kernels fill the device,
/// and moves its messages more slowly beside one that does.
namespace hsap {

double Engine::kernel_speed(const Unit& unit) const { return unit.crowded ? crowded_speed_ : 1; }

void Engine::start_kernel(std::uint32_t lane) {
  Lane& state = lanes_[lane];
  Unit& unit = units_[unit_of(lane)];
  unit.clock.kernel(now_, 1);
  state.work_s = entry(state.head).seconds;
  state.since = now_;
  ++state.generation;
  queue_.push(now_ + state.work_s / kernel_speed(unit), Event::Kind::kernel_end, lane,
              state.generation);
  mark_changed(unit_of(lane));
}

void Engine::end_kernel(std::uint32_t lane) {
  const std::uint32_t unit = unit_of(lane);
  units_[unit].clock.kernel(now_, -1);
  mark_changed(unit);
  // What has waited for multiprocessors is there before the next kernel.
  if (in_.runtime.entry == Runtime::Entry::between_kernels) {
    for (std::uint32_t other = lane + 1; other < (unit + 1) * lanes_per_unit_; ++other) {
      Lane& waiting = lanes_[other];
      if (!waiting.blocked) continue;
      waiting.blocked = waiting.wakes = false;
      start(other);
    }
  }
  end(lane);
}

/// The running kernel of a unit that still fills the device, if any.
const Engine::Lane* Engine::filling_kernel(std::uint32_t unit) const {
  const Lane& kernel = lanes_[std::size_t{unit} * lanes_per_unit_];
  if (!kernel.busy || entry(kernel.head).full_s == 0) return nullptr;
  constexpr double instant = 1e-9;
  return full_left_s(unit, kernel) > instant ? &kernel : nullptr;
}

double Engine::full_left_s(std::uint32_t unit, const Lane& kernel) const {
  const AgendaEntry& time = entry(kernel.head);
  const double left = kernel.work_s - (now_ - kernel.since) * kernel_speed(units_[unit]);
  return left - (time.seconds - time.full_s);
}

/// When communication that is ready on a unit gets multiprocessors, as things stand.
double Engine::entry_s(std::uint32_t unit) const {
  if (in_.runtime.entry == Runtime::Entry::at_once) return now_;
  const Lane* kernel = filling_kernel(unit);
  if (kernel == nullptr) return now_;
  const bool has_prologue = entry(kernel->head).kind == Kind::attend_backward;
  const std::uint32_t copy = unit / in_.agenda.ranks();
  const double runs_s = now_ - periods_[instance(copy, kernel->head)].begin_s;
  if (has_prologue && runs_s <= in_.runtime.stream_wait_s) return now_;
  return now_ + full_left_s(unit, *kernel) / kernel_speed(units_[unit]);
}

void Engine::add_flow(std::uint32_t message, FlowId flow) {
  if (!slows_messages_) return;
  for (const std::uint32_t lane : {ends(message).sender, ends(message).receiver}) {
    units_[unit_of(lane)].flows.push_back({flow, message});
    mark_changed(unit_of(lane));
  }
  network_.set_speed(now_, flow, speed_of_flow(message));
}

void Engine::remove_flow(std::uint32_t message) {
  if (!slows_messages_) return;
  for (const std::uint32_t lane : {ends(message).sender, ends(message).receiver}) {
    std::vector<ActiveFlow>& flows = units_[unit_of(lane)].flows;
    const auto is_this = [&](const ActiveFlow& flow) { return flow.message == message; };
    flows.erase(std::find_if(flows.begin(), flows.end(), is_this));
  }
}

double Engine::speed_of_flow(std::uint32_t message) const {
  return std::min(units_[unit_of(ends(message).sender)].flow_speed,
                  units_[unit_of(ends(message).receiver)].flow_speed);
}

/// Of messages beside the running kernel of a unit.
double Engine::flow_speed(std::uint32_t unit) const {
  if (!slows_messages_) return 1;
  const Lane* kernel = filling_kernel(unit);
  if (kernel == nullptr) return 1;
  const double decay_s = in_.runtime.overlap_decay_s;
  const double drift = decay_s > 0 ? entry(kernel->head).seconds / decay_s : 0;
  // A long kernel must not stop a message for good.
  return std::max(1e-3, in_.runtime.overlap_share * std::exp(-drift));
}

void Engine::mark_changed(std::uint32_t unit) {
  if (!overlap_costs_ || units_[unit].changed) return;
  units_[unit].changed = true;
  changed_.push_back(unit);
}

/// At the end of an instant: a kernel that follows another without a gap changes nothing.
void Engine::settle_overlap() {
  for (const std::uint32_t unit : changed_) {
    Unit& state = units_[unit];
    state.changed = false;
    const bool crowded = state.clock.computing() && state.clock.communicating();
    if (crowded != state.crowded) change_kernel_speed(unit, crowded);
    const double speed = flow_speed(unit);
    if (speed != state.flow_speed) change_flow_speed(unit, speed);
  }
  changed_.clear();
}

void Engine::change_kernel_speed(std::uint32_t unit, bool crowded) {
  const double before = kernel_speed(units_[unit]);
  units_[unit].crowded = crowded;
  if (crowded_speed_ == 1) return;
  for (std::uint32_t i = 0; i < lanes_per_unit_; ++i) {
    const std::uint32_t lane = unit * lanes_per_unit_ + i;
    Lane& state = lanes_[lane];
    if (!state.busy || entry(state.head).communicates()) continue;
    state.work_s = std::max(0.0, state.work_s - (now_ - state.since) * before);
    state.since = now_;
    ++state.generation;
    queue_.push(now_ + state.work_s / kernel_speed(units_[unit]), Event::Kind::kernel_end, lane,
                state.generation);
  }
}

void Engine::change_flow_speed(std::uint32_t unit, double speed) {
  units_[unit].flow_speed = speed;
  for (const ActiveFlow& flow : units_[unit].flows) {
    network_.set_speed(now_, flow.flow, speed_of_flow(flow.message));
  }
}

}  // namespace hsap
