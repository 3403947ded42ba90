#include "validate/gpu/execute_rank.hpp"

#include <fmt/format.h>

#include <map>
#include <set>

#include "schedule/kinds.hpp"
#include "validate/gpu/messages.hpp"
#include "validate/gpu/repeated_time.hpp"

namespace hsap::executor {
namespace {

using device::EventId;
using device::Launch;
using device::StreamId;

/// The program of one rank, made ready to be put on streams.
class RankProgram {
 public:
  RankProgram(const Schedule& schedule, Rank rank, const RankResources& on)
      : schedule_(schedule),
        rank_(rank),
        on_(on),
        plan_(plan_buffers(schedule)),
        meetings_(find_meetings(schedule)),
        first_(schedule.programs[static_cast<std::size_t>(rank)].first),
        steps_(schedule.programs[static_cast<std::size_t>(rank)].count) {}

  Status prepare() {
    HSAP_TRY(RankMemory memory, RankMemory::make(schedule_, plan_, rank_, on_.device));
    memory_.emplace(std::move(memory));
    clock_ = on_.device.make_event();
    begin_ = on_.device.make_event();
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      streams_[i] = on_.device.make_stream(static_cast<Stream>(i));
      reached_[i] = on_.device.make_event();
    }
    HSAP_CHECK(prepare_staging());
    for (Index i = 0; i < steps_.size(); ++i) {
      if (Status made = prepare(i); !made) return at(i, made.error());
    }
    HSAP_CHECK(prepare_greetings());
    return for_each_communicator([&](Stream stream, device::Communicator& peers) -> Status {
      HSAP_CHECK(peers.adopt(memory_->data(), memory_->bytes()));
      const auto staging = staging_.find(stream);
      if (staging == staging_.end()) return {};
      return peers.adopt(staging->second.data, staging->second.bytes);
    });
  }

  Status run(Tensors& tensors, const Issued& issued) {
    HSAP_CHECK(memory_->read_inputs(tensors));
    const auto issue_all = [&] { return this->issue_all(issued); };
    // The first run of several is no repeat: it loads code.
    if (on_.graph || on_.repeats > 1) HSAP_CHECK(run_once(issue_all));
    if (!on_.graph) {
      HSAP_CHECK(repeat(issue_all));
      return memory_->write_results(tensors);
    }
    HSAP_CHECK(memory_->clear_results());
    // Ends here: NCCL ends no communicator, not even aborts one, that a graph still holds calls of.
    HSAP_TRY(const Launch graph, capture(issued));
    const auto replay = [&]() -> Status {
      issued({});
      return graph(compute());
    };
    if (Status done = repeat(replay); !done) return in_graph(done.error());
    return memory_->write_results(tensors);
  }

  [[nodiscard]] RankExecution record() const {
    RankExecution result;
    result.buffer_bytes = memory_->bytes();
    result.run_s = run_s_;
    result.bytes_sent.assign(schedule_.programs.size(), 0);
    for (Index i = 0; i < steps_.size(); ++i) {
      result.times.push_back(steps_[i].time.time_of(first_ + i));
      for (const Phase& phase : steps_[i].phases) {
        for (const device::Message& message : phase.messages) {
          if (!message.is_send) continue;
          result.bytes_sent[static_cast<std::size_t>(message.peer)] += message.bytes;
        }
        count_ring(i, phase.gathers, result);
        count_ring(i, phase.reductions, result);
      }
      count_own(i, result);
    }
    return result;
  }

 private:
  struct Step {
    std::vector<Phase> phases;  ///< of communication
    device::Communicator* peers = nullptr;
    Launch kernel;  ///< of anything else
    EventId begun = -1;
    EventId done = -1;
    EventId ended = -1;  ///< the time of `done`, which has none in a graph
    RepeatedTime time;
  };
  struct Memory {
    std::byte* data = nullptr;
    std::int64_t bytes = 0;
  };

  [[nodiscard]] const Operation& op(Index i) const { return schedule_.operations[first_ + i]; }
  [[nodiscard]] StreamId stream_of(const Operation& op) const {
    return streams_[static_cast<std::size_t>(op.stream)];
  }
  [[nodiscard]] StreamId compute() const {
    return streams_[static_cast<std::size_t>(Stream::compute)];
  }

  /// Who does what the operation communicates; null when nobody does.
  [[nodiscard]] device::Communicator* peers_of(Index i) const {
    if (!is_at_once(schedule_, meetings_, first_ + i, on_.at_once)) {
      return on_.communicators[static_cast<std::size_t>(op(i).stream)];
    }
    const auto found = on_.groups.find({op(i).stream, schedule_.group_of(op(i))});
    return found == on_.groups.end() ? nullptr : found->second;
  }

  Error at(Index i, Error error) const {
    error.message = fmt::format("rank {} in operation {}, {}: {}", rank_, first_ + i,
                                line_of(schedule_, op(i)), error.message);
    return error;
  }

  Error in_graph(Error error) const {
    error.message = fmt::format("rank {} in the graph of its operations: {}", rank_, error.message);
    return error;
  }

  /// Each stream gets as much as its greediest operation needs.
  Status prepare_staging() {
    Messages messages(schedule_, rank_, *memory_, on_.device, meetings_, on_.at_once);
    std::map<Stream, Staging> measures;
    for (Index i = 0; i < steps_.size(); ++i) {
      if (!communicates(op(i).kind)) continue;
      HSAP_CHECK(messages.phases(first_ + i, measures[op(i).stream]));
    }
    for (const auto& [stream, measure] : measures) {
      if (measure.most() == 0) continue;
      HSAP_TRY(std::byte * data, on_.device.allocate_for_messages(measure.most()));
      staging_[stream] = {data, measure.most()};
    }
    return {};
  }

  template <typename Use>
  Status for_each_communicator(Use use) {
    for (std::size_t stream = 0; stream < on_.communicators.size(); ++stream) {
      device::Communicator* communicator = on_.communicators[stream];
      if (communicator != nullptr) HSAP_CHECK(use(static_cast<Stream>(stream), *communicator));
    }
    for (const auto& [at, communicator] : on_.groups) HSAP_CHECK(use(at.stream, *communicator));
    return {};
  }

  /// A few bytes to and from everyone whom this rank meets on a stream, and a small collective in
  /// every group. They do the same.
  Status prepare_greetings() {
    constexpr std::int64_t bytes = 16;
    std::array<std::set<Rank>, streams> met;
    std::size_t largest = 1;
    for (Index i = 0; i < steps_.size(); ++i) {
      for (const Phase& phase : steps_[i].phases) {
        for (const device::Message& message : phase.messages) {
          met[static_cast<std::size_t>(op(i).stream)].insert(message.peer);
        }
      }
    }
    for (const auto& ranks : met) largest = std::max(largest, ranks.size() + 1);
    for (const auto& [at, communicator] : on_.groups) {
      largest = std::max(largest, static_cast<std::size_t>(at.group.count) + 1);
    }
    // Each stream uses its own while others use theirs.
    const auto of_stream = static_cast<std::int64_t>(largest) * bytes;
    const std::int64_t all = of_stream * streams;
    HSAP_TRY(std::byte * memory, on_.device.allocate_for_messages(all));
    for (std::size_t stream = 0; stream < met.size(); ++stream) {
      std::byte* const data = memory + static_cast<std::int64_t>(stream) * of_stream;
      greeting_shares_[stream] = {data, data + bytes, bytes / bytes_of(Dtype::fp32), Dtype::fp32};
      std::byte* next = data;
      for (const Rank peer : met[stream]) {
        greetings_[stream].push_back({peer, data, bytes, true});
        greetings_[stream].push_back({peer, next += bytes, bytes, false});
      }
    }
    return for_each_communicator(
        [&](Stream, device::Communicator& peers) { return peers.adopt(memory, all); });
  }

  Status greet() {
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      if (greetings_[i].empty()) continue;
      HSAP_CHECK(on_.communicators[i]->exchange(streams_[i], greetings_[i]));
    }
    for (const auto& [at, communicator] : on_.groups) {
      const auto i = static_cast<std::size_t>(at.stream);
      HSAP_CHECK(communicator->all_gather(streams_[i], {&greeting_shares_[i], 1}));
    }
    return join();
  }

  /// What comes next on the compute stream waits for all that is on the others.
  Status join() {
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      HSAP_CHECK(on_.device.record(reached_[i], streams_[i]));
      HSAP_CHECK(on_.device.wait(compute(), reached_[i]));
    }
    return {};
  }

  Status issue_all(const Issued& issued) {
    HSAP_CHECK(on_.device.record_time(clock_, compute()));
    HSAP_CHECK(on_.device.record(begin_, compute()));
    for (const StreamId stream : streams_) HSAP_CHECK(on_.device.wait(stream, begin_));
    for (Index i = 0; i < steps_.size(); ++i) {
      issued(first_ + i);
      if (Status done = issue(i); !done) return at(i, done.error());
    }
    return {};
  }

  Result<Launch> capture(const Issued& issued) {
    if (Status begun = on_.device.begin_capture(compute()); !begun) return in_graph(begun.error());
    Status put = issue_all(issued);
    if (put) put = join();
    // A capture that was begun must end, also when a call in it failed.
    Result<Launch> graph = on_.device.end_capture(compute());
    if (!put) return put.error();
    if (!graph) return in_graph(graph.error());
    return graph;
  }

  /// The clock of the run starts when the neighbours are there.
  template <typename Put>
  Status run_once(Put put) {
    HSAP_CHECK(greet());
    HSAP_CHECK(put());
    HSAP_CHECK(on_.device.synchronize());
    return for_each_communicator([](Stream, device::Communicator& peers) { return peers.poll(); });
  }

  template <typename Put>
  Status repeat(Put put) {
    for (int i = 0; i < on_.repeats; ++i) {
      HSAP_CHECK(run_once(put));
      HSAP_CHECK(take_times());
    }
    return {};
  }

  Status take_times() {
    double& last_s = run_s_.emplace_back(0);
    for (Step& step : steps_) {
      HSAP_TRY(const double begin_s, on_.device.seconds_between(clock_, step.begun));
      HSAP_TRY(const double seconds, on_.device.seconds_between(step.begun, step.ended));
      step.time.add(begin_s, seconds);
      last_s = std::max(last_s, begin_s + seconds);
    }
    return {};
  }

  Status prepare(Index i) {
    Step& step = steps_[i];
    step.begun = on_.device.make_event();
    step.done = on_.device.make_event();
    step.ended = on_.graph ? on_.device.make_event() : step.done;
    if (!communicates(op(i).kind)) {
      HSAP_TRY(step.kernel, executor::prepare(schedule_, op(i), *memory_, on_.device));
      return {};
    }
    step.peers = peers_of(i);
    if (step.peers == nullptr) return infeasible("ranks that share no communicator");
    Messages messages(schedule_, rank_, *memory_, on_.device, meetings_, on_.at_once);
    // A stream without staging still must not look as if it measured.
    static std::byte nothing;
    const auto memory = staging_.find(op(i).stream);
    Staging staging(memory == staging_.end() ? &nothing : memory->second.data);
    HSAP_TRY(step.phases, messages.phases(first_ + i, staging));
    return {};
  }

  Status issue(Index i) {
    const StreamId stream = stream_of(op(i));
    for (const Index before : schedule_.dependencies_of(op(i))) {
      HSAP_CHECK(on_.device.wait(stream, steps_[before - first_].done));
    }
    HSAP_CHECK(on_.device.record_time(steps_[i].begun, stream));
    if (steps_[i].kernel) HSAP_CHECK(steps_[i].kernel(stream));
    device::Communicator* const peers = steps_[i].peers;
    for (const Phase& phase : steps_[i].phases) {
      for (const Launch& launch : phase.before) HSAP_CHECK(launch(stream));
      if (!phase.messages.empty()) HSAP_CHECK(peers->exchange(stream, phase.messages));
      if (!phase.gathers.empty()) HSAP_CHECK(peers->all_gather(stream, phase.gathers));
      if (!phase.reductions.empty()) HSAP_CHECK(peers->reduce_scatter(stream, phase.reductions));
      for (const Launch& launch : phase.after) HSAP_CHECK(launch(stream));
    }
    HSAP_CHECK(on_.device.record(steps_[i].done, stream));
    return on_.graph ? on_.device.record_time(steps_[i].ended, stream) : Status();
  }

  /// What a ring algorithm passes on to the next member of the group.
  void count_ring(Index i, std::span<const device::Share> shares, RankExecution& result) const {
    if (shares.empty()) return;
    const Group& group = schedule_.group_of(op(i));
    const Rank place = (rank_ - group.first) / group.stride;
    const Rank next = group.first + (place + 1) % group.count * group.stride;
    for (const device::Share& share : shares) {
      result.bytes_sent[static_cast<std::size_t>(next)] += (group.count - 1) * share.bytes();
    }
  }

  /// Messages of this rank to itself, which no communicator sees.
  void count_own(Index i, RankExecution& result) const {
    if (op(i).kind != Kind::exchange) return;
    for (const Transfer& transfer : schedule_.transfers_of(op(i))) {
      if (transfer.peer != rank_ || transfer.direction != Direction::send) continue;
      const device::Array rows = memory_->array(transfer.buffer, transfer.heads);
      result.bytes_sent[static_cast<std::size_t>(rank_)] +=
          tokens_in(schedule_.intervals_of(transfer)) * rows.row_bytes();
    }
  }

  const Schedule& schedule_;
  Rank rank_;
  RankResources on_;
  BufferPlan plan_;
  Meetings meetings_;
  Index first_;
  std::vector<Step> steps_;
  std::optional<RankMemory> memory_;
  std::array<StreamId, streams> streams_{};
  std::array<EventId, streams> reached_{};
  std::array<std::vector<device::Message>, streams> greetings_;
  std::array<device::Share, streams> greeting_shares_{};
  std::map<Stream, Memory> staging_;
  EventId clock_ = -1;
  EventId begin_ = -1;
  std::vector<double> run_s_;  ///< by repeat
};

}  // namespace

Result<RankExecution> execute_rank(const Schedule& schedule, Rank rank, Tensors& tensors,
                                   const RankResources& on, const Issued& issued) {
  RankProgram program(schedule, rank, on);
  HSAP_CHECK(program.prepare());
  HSAP_CHECK(program.run(tensors, issued));
  return program.record();
}

}  // namespace hsap::executor
