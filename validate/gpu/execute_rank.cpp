#include "validate/gpu/execute_rank.hpp"

#include <fmt/format.h>

#include <map>
#include <sstream>

#include "validate/gpu/messages.hpp"

namespace hsap::executor {
namespace {

using device::EventId;
using device::Launch;
using device::StreamId;

bool communicates(const Operation& op) {
  return op.kind == Kind::exchange || op.kind == Kind::all_gather ||
         op.kind == Kind::reduce_scatter;
}

/// The program of one rank, made ready to be put on streams.
class RankProgram {
 public:
  RankProgram(const Schedule& schedule, Rank rank, const RankResources& on)
      : schedule_(schedule),
        rank_(rank),
        on_(on),
        plan_(plan_buffers(schedule)),
        meetings_(schedule),
        first_(schedule.programs[static_cast<std::size_t>(rank)].first),
        steps_(schedule.programs[static_cast<std::size_t>(rank)].count) {}

  Status prepare() {
    HSAP_TRY(RankMemory memory, RankMemory::make(schedule_, plan_, rank_, on_.device));
    memory_.emplace(std::move(memory));
    begin_ = on_.device.make_event();
    for (StreamId& stream : streams_) stream = on_.device.make_stream();
    HSAP_CHECK(prepare_staging());
    for (Index i = 0; i < steps_.size(); ++i) {
      if (Status made = prepare(i); !made) return at(i, made.error());
    }
    return {};
  }

  Status run(Tensors& tensors, const std::function<void(Index)>& issued) {
    HSAP_CHECK(memory_->read_inputs(tensors));
    HSAP_CHECK(on_.device.record(begin_, streams_[0]));
    for (Index i = 0; i < steps_.size(); ++i) {
      issued(first_ + i);
      if (Status done = issue(i); !done) return at(i, done.error());
    }
    HSAP_CHECK(on_.device.synchronize());
    for (device::Communicator* communicator : on_.communicators) {
      if (communicator != nullptr) HSAP_CHECK(communicator->poll());
    }
    return memory_->write_results(tensors);
  }

  Result<RankExecution> record() {
    RankExecution result;
    result.buffer_bytes = memory_->bytes();
    for (const auto& [stream, bytes] : staging_bytes_) result.staging_bytes += bytes;
    result.bytes_sent.assign(schedule_.programs.size(), 0);
    for (Index i = 0; i < steps_.size(); ++i) {
      OperationTime time{first_ + i};
      HSAP_TRY(time.begin_s, on_.device.seconds_between(begin_, steps_[i].begun));
      HSAP_TRY(time.seconds, on_.device.seconds_between(steps_[i].begun, steps_[i].done));
      result.times.push_back(time);
      for (const Phase& phase : steps_[i].phases) {
        for (const device::Message& message : phase.messages) {
          if (!message.is_send) continue;
          result.bytes_sent[static_cast<std::size_t>(message.peer)] += message.bytes;
        }
      }
      count_own(i, result);
    }
    return result;
  }

 private:
  struct Step {
    std::vector<Phase> phases;  ///< of communication
    Launch kernel;              ///< of anything else
    EventId begun = -1;
    EventId done = -1;
  };

  [[nodiscard]] const Operation& op(Index i) const { return schedule_.operations[first_ + i]; }
  [[nodiscard]] StreamId stream_of(const Operation& op) const {
    return streams_[static_cast<std::size_t>(op.stream)];
  }

  Error at(Index i, Error error) const {
    std::ostringstream printed;
    print(printed, schedule_, op(i));
    error.message = fmt::format("rank {} in operation {}, {}: {}", rank_, first_ + i, printed.str(),
                                error.message);
    return error;
  }

  /// Each stream gets as much as its greediest operation needs.
  Status prepare_staging() {
    Messages messages(schedule_, rank_, *memory_, on_.device, meetings_);
    std::map<Stream, Staging> measures;
    for (Index i = 0; i < steps_.size(); ++i) {
      if (!communicates(op(i))) continue;
      HSAP_CHECK(messages.phases(first_ + i, measures[op(i).stream]));
    }
    for (const auto& [stream, measure] : measures) {
      if (measure.most() == 0) continue;
      HSAP_TRY(staging_[stream], on_.device.allocate(measure.most()));
      staging_bytes_[stream] = measure.most();
    }
    return {};
  }

  Status prepare(Index i) {
    Step& step = steps_[i];
    step.begun = on_.device.make_event();
    step.done = on_.device.make_event();
    if (!communicates(op(i))) {
      HSAP_TRY(step.kernel, executor::prepare(schedule_, op(i), *memory_, on_.device));
      return {};
    }
    if (on_.communicators[static_cast<std::size_t>(op(i).stream)] == nullptr) {
      return infeasible("a stream without a communicator");
    }
    Messages messages(schedule_, rank_, *memory_, on_.device, meetings_);
    // A stream without staging still must not look as if it measured.
    static std::byte nothing;
    const auto memory = staging_.find(op(i).stream);
    Staging staging(memory == staging_.end() ? &nothing : memory->second);
    HSAP_TRY(step.phases, messages.phases(first_ + i, staging));
    return {};
  }

  Status issue(Index i) {
    const StreamId stream = stream_of(op(i));
    for (const Index before : schedule_.dependencies_of(op(i))) {
      HSAP_CHECK(on_.device.wait(stream, steps_[before - first_].done));
    }
    HSAP_CHECK(on_.device.record(steps_[i].begun, stream));
    if (steps_[i].kernel) HSAP_CHECK(steps_[i].kernel(stream));
    for (const Phase& phase : steps_[i].phases) {
      for (const Launch& launch : phase.before) HSAP_CHECK(launch(stream));
      if (!phase.messages.empty()) {
        device::Communicator& peers = *on_.communicators[static_cast<std::size_t>(op(i).stream)];
        HSAP_CHECK(peers.exchange(stream, phase.messages));
      }
      for (const Launch& launch : phase.after) HSAP_CHECK(launch(stream));
    }
    return on_.device.record(steps_[i].done, stream);
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
  host::Meetings meetings_;
  Index first_;
  std::vector<Step> steps_;
  std::optional<RankMemory> memory_;
  std::array<StreamId, streams> streams_{};
  std::map<Stream, std::byte*> staging_;
  std::map<Stream, std::int64_t> staging_bytes_;
  EventId begin_ = -1;
};

}  // namespace

Result<RankExecution> execute_rank(const Schedule& schedule, Rank rank, Tensors& tensors,
                                   const RankResources& on,
                                   const std::function<void(Index)>& issued) {
  RankProgram program(schedule, rank, on);
  HSAP_CHECK(program.prepare());
  HSAP_CHECK(program.run(tensors, issued));
  return program.record();
}

}  // namespace hsap::executor
