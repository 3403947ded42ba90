#include "schedule/verify/deadlock.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "schedule/kinds.hpp"

namespace hsap::verifier {
namespace {

/// Follows waits among the heads of streams that are stuck. Each waits for exactly one operation
/// here (the first found), so following them always ends in a cycle.
class Waits {
 public:
  Waits(const Schedule& schedule, const Matching& matching, const Progress& progress)
      : schedule_(schedule), matching_(matching), progress_(progress) {}

  /// The head of a stream that stands in the way of a head.
  [[nodiscard]] Index next(Index head) const {
    const Operation& blocker = schedule_.operations[blocker_of(head)];
    return progress_.queue(blocker.rank, blocker.stream).head;
  }

  /// "#7 of rank 1 waits for #3 of rank 0 to start, ..." once around the cycle.
  [[nodiscard]] std::string text(Index first) const {
    constexpr int most = 6;
    std::string text = fmt::format("#{} of rank {}", first, schedule_.operations[first].rank);
    Index head = first;
    for (int links = 0; links < most; ++links) {
      const Index blocker = blocker_of(head);
      const bool to_start = progress_.states[head] == State::started;
      text += fmt::format("{} waits for #{} of rank {} to {}", links > 0 ? ", which" : "", blocker,
                          schedule_.operations[blocker].rank, to_start ? "start" : "end");
      head = next(head);
      if (head != blocker) text += fmt::format(" behind #{}", head);
      if (head == first) return text;
    }
    return text + ", and so on around";
  }

 private:
  /// The operation whose start (for a started head) or end a stuck head waits for.
  [[nodiscard]] Index blocker_of(Index head) const {
    const Operation& op = schedule_.operations[head];
    if (progress_.states[head] == State::waiting) {
      return schedule_.dependencies_of(op)[progress_.queue(op.rank, op.stream).dependency];
    }
    if (is_collective(op.kind)) {
      for (const Index member : matching_.collectives.of(head)) {
        if (progress_.states[member] == State::waiting) return member;
      }
    }
    for (Index t = op.payload.first; t < op.payload.first + op.payload.count; ++t) {
      const Index other = matching_.transfers.owner[matching_.transfers.partner[t]];
      if (progress_.states[other] == State::waiting) return other;
    }
    return head;
  }

  const Schedule& schedule_;
  const Matching& matching_;
  const Progress& progress_;
};

}  // namespace

Found describe_deadlock(const Schedule& schedule, const Matching& matching,
                        const Progress& progress) {
  const Waits waits(schedule, matching, progress);
  Index lowest = none;
  std::vector<Index> visit(schedule.operations.size(), none);  // by head: the walk that saw it
  for (Index walk = 0; walk < progress.queues.size(); ++walk) {
    Index head = progress.queues[walk].head;
    if (head == none) continue;
    while (visit[head] == none) {
      visit[head] = walk;
      head = waits.next(head);
    }
    if (visit[head] != walk) continue;  // led into a walk done before
    for (Index on_cycle = waits.next(head); on_cycle != head; on_cycle = waits.next(on_cycle)) {
      lowest = std::min(lowest, on_cycle);
    }
    lowest = std::min(lowest, head);
  }
  if (lowest == none) return {};
  return flawed(Flaw::deadlock, waits.text(lowest), lowest);
}

}  // namespace hsap::verifier
