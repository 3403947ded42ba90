#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hsap/runtime.hpp"
#include "hsap/schedule.hpp"
#include "hsap/simulate.hpp"
#include "hsap/status.hpp"
#include "simulate/engine/channels.hpp"
#include "simulate/engine/clock.hpp"
#include "simulate/engine/event_queue.hpp"
#include "simulate/engine/room.hpp"
#include "simulate/network/network.hpp"
#include "simulate/traffic/agenda.hpp"
#include "simulate/traffic/machine.hpp"
#include "simulate/traffic/placement.hpp"
#include "simulate/traffic/traffic.hpp"

namespace hsap {

/// What a run needs; all of it outlives the engine.
struct EngineInput {
  const Schedule& schedule;
  const Machine& machine;
  const Runtime& runtime;
  const Traffic& traffic;
  const Agenda& agenda;
  const Placement& place;
  std::span<const int> copies;   ///< of the group, the first is that told about
  std::span<const LinkId> like;  ///< by link: the one that stands for it; or empty
  bool record_link_use = false;
};

/// Runs one schedule on all simulated copies of the group, event by event.
///
/// Words: a *unit* is one rank of one copy. A *lane* is a queue of a unit that runs one operation
/// at a time: a stream, or all communication streams together. Operations and messages of copy c
/// are numbered c * count + index.
class Engine {
 public:
  explicit Engine(const EngineInput& input);

  /// Runs to the end. Error (kind internal): the schedule deadlocks.
  Status run();

  /// Of the first copy, after run(): when each operation began and ended.
  [[nodiscard]] std::span<const Period> periods() const {
    return std::span(periods_).first(operations_);
  }
  [[nodiscard]] const RankClock& clock(Rank rank) const { return units_[rank].clock; }
  [[nodiscard]] double host_s(Rank rank) const { return in_.agenda.host_s[rank]; }
  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] Network& network() { return network_; }

 private:
  static constexpr std::uint32_t none = 0xffffffff;
  struct Lane {
    std::uint32_t unit = 0;
    std::uint32_t copy = 0;
    std::uint32_t rank = 0;
    Index head = 0;               ///< next or running operation
    Index end = 0;                ///< of the program: no further operation
    Index before = no_operation;  ///< the operation that ended last
    bool busy = false;
    bool wakes = false;            ///< a wake event for the head is on its way
    bool blocked = false;          ///< the head waits for multiprocessors
    std::uint32_t generation = 0;  ///< of the kernel's end event
    double work_s = 0;             ///< kernel: time left at full speed, at `since`
    double since = 0;
    Index open = 0;   ///< exchange: messages to come
    Index sends = 0;  ///< exchange: parts that it sends
  };
  struct ActiveFlow {
    FlowId flow = 0;
    std::uint32_t message = 0;
  };
  struct Unit {
    RankClock clock;
    bool crowded = false;           ///< computes and communicates
    bool changed = false;           ///< is in changed_
    double flow_speed = 1;          ///< of its messages beside the running kernel
    std::vector<ActiveFlow> flows;  ///< kept only where kernels slow them down
  };
  struct Gathering {
    Index missing = 0;  ///< members that have not started
    Index moving = 0;   ///< messages to come
  };
  enum class State : std::uint8_t { idle, one_side, ready, moving, done };

  // Time.
  bool step();
  void handle(const Event& event);
  void finish_flows();

  // Lanes: engine.cpp.
  void set_up_lanes();
  [[nodiscard]] const AgendaEntry& entry(Index op) const { return in_.agenda.entries[op]; }
  [[nodiscard]] std::uint32_t unit_of(std::uint32_t lane) const { return lanes_[lane].unit; }
  [[nodiscard]] std::uint32_t copy_of(std::uint32_t lane) const { return lanes_[lane].copy; }
  [[nodiscard]] std::span<const Index> dependencies_of(Index op) const {
    const Range& range = entry(op).dependencies;
    return std::span(in_.schedule.dependencies).subspan(range.first, range.count);
  }
  [[nodiscard]] bool dependencies_done(std::uint32_t copy, Index op) const;
  [[nodiscard]] double ready_s(std::uint32_t lane) const;
  void start_what_can(std::uint32_t unit);
  void try_start(std::uint32_t lane);
  void start(std::uint32_t lane);
  void end(std::uint32_t lane);
  [[nodiscard]] std::size_t instance(std::uint32_t copy, Index op) const;

  // Messages: messages.cpp.
  void start_exchange(std::uint32_t lane);
  void send_packed(std::uint32_t lane);
  void arrive(std::uint32_t message);
  [[nodiscard]] bool is_in_switch(std::uint32_t message) const;
  void start_message(std::uint32_t message, const Ends& lanes);
  void start_flow(std::uint32_t message);
  void message_done(std::uint32_t message);
  void admit_waiting(std::uint32_t lane, Direction direction);
  void part_done(std::uint32_t lane);
  [[nodiscard]] double latency_s(std::uint32_t message) const;
  [[nodiscard]] const Message& message_at(std::uint32_t message) const;
  [[nodiscard]] Route route_of(std::uint32_t message) const;
  [[nodiscard]] Ends ends(std::uint32_t message) const;
  [[nodiscard]] std::uint32_t lane_running(std::uint32_t copy, Index op) const;

  // Collectives: collectives.cpp.
  void start_collective(std::uint32_t lane);
  void launch(std::uint32_t copy, Index collective);
  void collective_message_done(std::uint32_t message);
  void end_members(std::uint32_t copy, Index collective);
  [[nodiscard]] double collective_latency_s(std::uint32_t copy, const Collective& collective) const;

  // Overlap: overlap.cpp.
  void start_kernel(std::uint32_t lane);
  void end_kernel(std::uint32_t lane);
  [[nodiscard]] double kernel_speed(const Unit& unit) const;
  [[nodiscard]] const Lane* filling_kernel(std::uint32_t unit) const;
  [[nodiscard]] double full_left_s(std::uint32_t unit, const Lane& kernel) const;
  [[nodiscard]] double entry_s(std::uint32_t unit) const;
  void add_flow(std::uint32_t message, FlowId flow);
  void remove_flow(std::uint32_t message);
  void mark_changed(std::uint32_t unit);
  void settle_overlap();
  void change_kernel_speed(std::uint32_t unit, bool crowded);
  void change_flow_speed(std::uint32_t unit, double speed);
  [[nodiscard]] double flow_speed(std::uint32_t unit) const;
  [[nodiscard]] double speed_of_flow(std::uint32_t message) const;

  // Failure: stuck.cpp.
  [[nodiscard]] Error stuck() const;
  [[nodiscard]] std::string awaited(std::uint32_t lane) const;

  EngineInput in_;
  Index operations_ = 0;  ///< of one copy
  Index messages_ = 0;    ///< of one copy
  std::uint32_t lanes_per_unit_ = 1;
  std::uint32_t lanes_per_copy_ = 0;
  double crowded_speed_ = 1;     ///< of kernels while communication takes multiprocessors
  bool slows_messages_ = false;  ///< beside kernels
  bool overlap_costs_ = false;   ///< kernels or messages that overlap are slower than alone
  Channels channels_;

  double now_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t ended_ = 0;
  EventQueue queue_;
  Network network_;
  Room room_;
  std::vector<Unit> units_;
  std::vector<Lane> lanes_;
  std::vector<Period> periods_;  ///< of operations
  std::vector<State> states_;    ///< of messages
  std::vector<Gathering> gatherings_;
  std::vector<std::uint32_t> changed_;
  std::vector<std::uint32_t> finished_;
  std::vector<LinkId> path_;       ///< of the message that starts
  std::vector<Index> candidates_;  ///< places of messages that may take the room of another one
};

}  // namespace hsap
