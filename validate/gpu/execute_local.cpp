#include "validate/gpu/execute_local.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>

#include "schedule/kinds.hpp"
#include "validate/gpu/local_messages.hpp"
#include "validate/gpu/repeated_time.hpp"
#include "validate/host/program.hpp"

namespace hsap::executor {
namespace {

using device::Device;
using device::EventId;
using device::Launch;
using device::StreamId;

/// Puts the operations of all ranks on streams, in an order in which every event is recorded before
/// it is waited for. An exchange or collective first arrives, when what it depends on has been
/// issued; its copies follow when the other side has arrived too; it is issued when the copies of
/// what it sends have been.
class Issue {
 public:
  Issue(const Schedule& schedule, Device& device, const LocalOptions& options)
      : schedule_(schedule),
        device_(device),
        options_(options),
        plan_(plan_buffers(schedule)),
        states_(schedule.operations.size()) {}

  /// Takes memory and makes all kernels ready.
  Status prepare() {
    for (Rank rank = 0; rank < schedule_.ranks(); ++rank) {
      HSAP_TRY(RankMemory memory, RankMemory::make(schedule_, plan_, rank, device_));
      memory_.push_back(std::move(memory));
    }
    messages_.emplace(schedule_, memory_, device_);
    for (Index at = 0; at < schedule_.operations.size(); ++at) HSAP_CHECK(prepare(at));
    return {};
  }

  Status read_inputs(const Tensors& tensors) {
    for (RankMemory& memory : memory_) HSAP_CHECK(memory.read_inputs(tensors));
    return {};
  }
  Status write_results(Tensors& tensors) {
    for (RankMemory& memory : memory_) HSAP_CHECK(memory.write_results(tensors));
    return {};
  }

  /// A run that is no repeat: it loads code.
  Status warm_up() {
    HSAP_CHECK(issue());
    return device_.synchronize();
  }

  /// May be called again: every run begins with the same inputs.
  Status run() {
    HSAP_CHECK(graph_ ? in_graph(graph_(streams_.front())) : issue());
    HSAP_CHECK(device_.synchronize());
    return take_times();
  }

  /// From now on every run is one of a graph.
  Status capture() {
    HSAP_CHECK(issue());
    for (RankMemory& memory : memory_) HSAP_CHECK(memory.clear_results());
    HSAP_CHECK(in_graph(device_.begin_capture(streams_.front())));
    Status put = issue();
    if (put) put = join();
    // A capture that was begun must end, also when a call in it failed.
    Result<Launch> graph = device_.end_capture(streams_.front());
    HSAP_CHECK(put);
    if (!graph) return in_graph(graph.error());
    graph_ = *std::move(graph);
    return {};
  }

  [[nodiscard]] Execution record() const {
    Execution execution;
    execution.bytes_sent = messages_->bytes_sent();
    execution.run_s = run_s_;
    for (const RankMemory& memory : memory_) execution.peak_buffer_bytes.push_back(memory.bytes());
    for (const Index at : order_) {
      const OperationTime& time = execution.times.emplace_back(states_[at].time.time_of(at));
      execution.kernel_s[static_cast<std::size_t>(schedule_.operations[at].kind)] += time.seconds;
    }
    return execution;
  }

 private:
  struct State {
    std::vector<Launch> launches;  ///< the kernel, or the copies of each receive
    EventId begun = -1;            ///< on its stream, after what it depends on
    EventId done = -1;
    EventId work_begins = -1;  ///< around the launches alone, without waits for other ranks
    EventId work_ends = -1;
    bool arrived = false;
    bool copied = false;  ///< its own copies are on the stream
    bool issued = false;
    RepeatedTime time;
  };

  /// Puts all operations on their streams.
  Status issue() {
    if (streams_.empty()) make_streams();
    start_over();
    HSAP_CHECK(device_.record_time(clock_, streams_.front()));
    HSAP_CHECK(device_.record(begin_, streams_.front()));
    for (const StreamId stream : streams_) HSAP_CHECK(device_.wait(stream, begin_));
    std::size_t left = schedule_.operations.size();
    while (left > 0) {
      bool moved = false;
      for (auto& queue : queues_) {
        while (!queue.empty()) {
          HSAP_TRY(const bool advanced, advance(queue.front()));
          moved = moved || advanced;
          if (!states_[queue.front()].issued) break;
          queue.pop_front();
          --left;
        }
      }
      if (!moved && left > 0) return infeasible("ranks wait for each other:" + who_waits());
    }
    return {};
  }

  /// What comes next on the first stream waits for all that is on the others.
  Status join() {
    for (const StreamId stream : streams_) {
      HSAP_CHECK(device_.record(begin_, stream));
      HSAP_CHECK(device_.wait(streams_.front(), begin_));
    }
    return {};
  }

  static Status in_graph(const Status& status) {
    if (status) return {};
    Error error = status.error();
    error.message = "in the graph of all operations: " + error.message;
    return error;
  }

  [[nodiscard]] std::size_t queue_of(const Operation& op) const {
    return static_cast<std::size_t>(op.rank) * streams + static_cast<std::size_t>(op.stream);
  }
  [[nodiscard]] StreamId stream_of(const Operation& op) const {
    return streams_[options_.serialise ? 0 : queue_of(op)];
  }

  Error at(Index operation, Error error) const {
    const Operation& op = schedule_.operations[operation];
    error.message = fmt::format("operation {} of rank {}, {}: {}", operation, op.rank,
                                line_of(schedule_, op), error.message);
    return error;
  }

  Status prepare(Index at) {
    State& state = states_[at];
    state.begun = device_.make_event();
    state.done = device_.make_event();
    state.work_begins = device_.make_event();
    state.work_ends = device_.make_event();
    Result<std::vector<Launch>> launches = launches_of(schedule_.operations[at], at);
    if (!launches) return this->at(at, launches.error());
    state.launches = *std::move(launches);
    return {};
  }

  Result<std::vector<Launch>> launches_of(const Operation& op, Index at) {
    if (communicates(op.kind)) return messages_->prepare(at);
    RankMemory& memory = memory_[static_cast<std::size_t>(op.rank)];
    HSAP_TRY(Launch kernel, executor::prepare(schedule_, op, memory, device_));
    return std::vector<Launch>{std::move(kernel)};
  }

  void make_streams() {
    const std::size_t count = options_.serialise ? 1 : memory_.size() * streams;
    for (std::size_t i = 0; i < count; ++i) {
      streams_.push_back(device_.make_stream(static_cast<Stream>(i % streams)));
    }
    clock_ = device_.make_event();
    begin_ = device_.make_event();
  }

  void start_over() {
    queues_.assign(memory_.size() * streams, {});
    order_.clear();
    for (Index at = 0; at < schedule_.operations.size(); ++at) {
      queues_[queue_of(schedule_.operations[at])].push_back(at);
      states_[at].arrived = states_[at].copied = states_[at].issued = false;
    }
  }

  Status take_times() {
    double& last_s = run_s_.emplace_back(0);
    for (State& state : states_) {
      HSAP_TRY(const double begin_s, device_.seconds_between(clock_, state.work_begins));
      HSAP_TRY(const double seconds, device_.seconds_between(state.work_begins, state.work_ends));
      state.time.add(begin_s, seconds);
      last_s = std::max(last_s, begin_s + seconds);
    }
    return {};
  }

  /// Does what can be done of the first operation of a queue. True when anything was.
  Result<bool> advance(Index at) {
    const Operation& op = schedule_.operations[at];
    State& state = states_[at];
    bool moved = false;
    if (!state.arrived) {
      const auto before = schedule_.dependencies_of(op);
      if (!std::all_of(before.begin(), before.end(), [&](Index i) { return states_[i].issued; })) {
        return false;
      }
      if (Status done = arrive(op, state); !done) return this->at(at, done.error());
      moved = true;
    }
    if (!state.copied) {
      const std::vector<Index> others = messages_->partners_of(at);
      if (!all_arrived(at, others)) return moved;
      if (Status done = copy(op, state, others); !done) return this->at(at, done.error());
      moved = true;
    }
    const std::vector<Index> others = messages_->partners_of(at);
    const bool over = std::all_of(others.begin(), others.end(),
                                  [&](Index other) { return states_[other].copied; });
    if (!over) return moved;
    if (Status done = finish(op, state, others); !done) return this->at(at, done.error());
    order_.push_back(at);
    return true;
  }

  [[nodiscard]] bool all_arrived(Index at, std::span<const Index> others) const {
    return messages_->has_all_partners(at) &&
           std::all_of(others.begin(), others.end(),
                       [&](Index other) { return states_[other].arrived; });
  }

  Status arrive(const Operation& op, State& state) {
    for (const Index before : schedule_.dependencies_of(op)) {
      HSAP_CHECK(device_.wait(stream_of(op), states_[before].done));
    }
    HSAP_CHECK(device_.record(state.begun, stream_of(op)));
    state.arrived = true;
    return {};
  }

  Status copy(const Operation& op, State& state, std::span<const Index> others) {
    for (const Index other : others) {
      HSAP_CHECK(device_.wait(stream_of(op), states_[other].begun));
    }
    HSAP_CHECK(device_.record_time(state.work_begins, stream_of(op)));
    for (const Launch& launch : state.launches) HSAP_CHECK(launch(stream_of(op)));
    HSAP_CHECK(device_.record(state.done, stream_of(op)));
    HSAP_CHECK(device_.record_time(state.work_ends, stream_of(op)));
    state.copied = true;
    return {};
  }

  /// What this operation sends may be overwritten only when its receivers have copied it.
  Status finish(const Operation& op, State& state, std::span<const Index> others) {
    for (const Index other : others) HSAP_CHECK(device_.wait(stream_of(op), states_[other].done));
    if (!others.empty()) HSAP_CHECK(device_.record(state.done, stream_of(op)));
    state.issued = true;
    return {};
  }

  [[nodiscard]] std::string who_waits() const {
    std::string text;
    for (const auto& queue : queues_) {
      if (queue.empty()) continue;
      const Operation& op = schedule_.operations[queue.front()];
      text += fmt::format("\n  rank {} at operation {}, {}", op.rank, queue.front(),
                          line_of(schedule_, op));
    }
    return text;
  }

  const Schedule& schedule_;
  Device& device_;
  LocalOptions options_;
  BufferPlan plan_;
  std::vector<State> states_;  ///< by operation
  std::vector<RankMemory> memory_;
  std::optional<LocalMessages> messages_;
  std::vector<StreamId> streams_;
  std::vector<std::deque<Index>> queues_;  ///< by rank and stream
  std::vector<double> run_s_;              ///< by repeat
  std::vector<Index> order_;
  EventId clock_ = -1;
  EventId begin_ = -1;
  Launch graph_;  ///< null: every run issues all operations
};

}  // namespace

Result<Execution> execute_local(const Schedule& schedule, Tensors& tensors, Device& device,
                                const LocalOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  Issue issue(schedule, device, options);
  HSAP_CHECK(issue.prepare());
  HSAP_CHECK(issue.read_inputs(tensors));
  if (options.graph) {
    HSAP_CHECK(issue.capture());
  } else if (options.repeats > 1) {
    HSAP_CHECK(issue.warm_up());
  }
  for (int repeat = 0; repeat < options.repeats; ++repeat) HSAP_CHECK(issue.run());
  Execution execution = issue.record();
  execution.device_bytes = device.allocated_bytes();
  HSAP_TRY(execution.used_bytes, device.used_bytes());
  HSAP_TRY(execution.setup, device.setup());
  host::make_room(schedule, tensors);
  HSAP_CHECK(issue.write_results(tensors));
  execution.wall_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return execution;
}

}  // namespace hsap::executor
