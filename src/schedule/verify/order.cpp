#include "schedule/verify/order.hpp"

#include <array>
#include <deque>

#include "schedule/verify/deadlock.hpp"

namespace hsap::verifier {
namespace {

/// The run that order_operations() describes.
class Rehearsal {
 public:
  Rehearsal(const Schedule& schedule, const Matching& matching, Progress& progress,
            std::vector<Index>& order)
      : schedule_(schedule),
        matching_(matching),
        progress_(progress),
        order_(order),
        is_awake_(schedule.programs.size(), false) {
    for (Rank rank = 0; rank < schedule.ranks(); ++rank) {
      for (int stream = 0; stream < streams; ++stream) {
        Queue& queue = progress.queue(rank, static_cast<Stream>(stream));
        queue.head = schedule.programs[static_cast<std::size_t>(rank)].first;
        skip_other_streams(queue, rank, static_cast<Stream>(stream));
      }
      wake(rank);
    }
  }

  void run() {
    while (!awake_.empty()) {
      const Rank rank = awake_.front();
      awake_.pop_front();
      is_awake_[static_cast<std::size_t>(rank)] = false;
      for (int stream = 0; stream < streams; ++stream) {
        advance(rank, static_cast<Stream>(stream));
      }
    }
  }

 private:
  void wake(Rank rank) {
    if (is_awake_[static_cast<std::size_t>(rank)]) return;
    is_awake_[static_cast<std::size_t>(rank)] = true;
    awake_.push_back(rank);
  }

  void skip_other_streams(Queue& queue, Rank rank, Stream stream) const {
    const Range& program = schedule_.programs[static_cast<std::size_t>(rank)];
    const Index end = program.first + program.count;
    while (queue.head < end && schedule_.operations[queue.head].stream != stream) ++queue.head;
    if (queue.head >= end) queue.head = none;
    queue.dependency = 0;
  }

  /// Starts the head of a stream when nothing is in its way; it may end at once.
  void advance(Rank rank, Stream stream) {
    Queue& queue = progress_.queue(rank, stream);
    while (queue.head != none && progress_.states[queue.head] == State::waiting) {
      const auto dependencies = schedule_.dependencies_of(schedule_.operations[queue.head]);
      while (queue.dependency < dependencies.size() &&
             progress_.states[dependencies[queue.dependency]] == State::ended) {
        ++queue.dependency;
      }
      if (queue.dependency < dependencies.size()) return;
      start(queue.head);
    }
  }

  void start(Index at) {
    const Operation& op = schedule_.operations[at];
    order_.push_back(at);
    progress_.states[at] = State::started;
    if (op.kind == Kind::exchange) {
      progress_.unmet[at] += static_cast<std::int64_t>(op.payload.count);
      for (Index t = op.payload.first; t < op.payload.first + op.payload.count; ++t) {
        const Index other = matching_.transfers.owner[matching_.transfers.partner[t]];
        if (--progress_.unmet[other] == 0 && other != at) end_if_met(other);
      }
      end_if_met(at);
    } else if (is_collective(op.kind)) {
      meet(matching_.collectives.of(at));
    } else {
      end(at);
    }
  }

  /// unmet counts down from zero before the exchange itself starts, so zero alone says nothing.
  void end_if_met(Index at) {
    if (progress_.states[at] == State::started && progress_.unmet[at] == 0) end(at);
  }

  void meet(std::span<const Index> members) {
    // The first member counts for all of them.
    if (++progress_.unmet[members.front()] < std::ssize(members)) return;
    for (const Index member : members) end(member);
  }

  void end(Index at) {
    const Operation& op = schedule_.operations[at];
    progress_.states[at] = State::ended;
    Queue& queue = progress_.queue(op.rank, op.stream);
    ++queue.head;
    skip_other_streams(queue, op.rank, op.stream);
    wake(op.rank);
  }

  const Schedule& schedule_;
  const Matching& matching_;
  Progress& progress_;
  std::vector<Index>& order_;
  std::deque<Rank> awake_;
  std::vector<bool> is_awake_;
};

}  // namespace

Found order_operations(const Subject& subject, const Matching& matching,
                       std::vector<Index>& order) {
  Progress progress(subject.schedule);
  order.reserve(subject.schedule.operations.size());
  Rehearsal(subject.schedule, matching, progress, order).run();
  return describe_deadlock(subject.schedule, matching, progress);
}

}  // namespace hsap::verifier
