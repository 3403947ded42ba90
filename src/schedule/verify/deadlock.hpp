#pragma once

#include <vector>

#include "schedule/verify/finding.hpp"
#include "schedule/verify/matching.hpp"

namespace hsap::verifier {

enum class State : std::uint8_t { waiting, started, ended };

/// Where one stream of one rank stands.
struct Queue {
  Index head = none;           ///< first operation that has not ended
  std::size_t dependency = 0;  ///< of the head: the first not known to be complete
};

/// How far a run of the schedule got.
struct Progress {
  explicit Progress(const Schedule& schedule)
      : states(schedule.operations.size(), State::waiting),
        unmet(schedule.operations.size(), 0),
        queues(schedule.programs.size() * streams) {}

  [[nodiscard]] Queue& queue(Rank rank, Stream stream) {
    return queues[static_cast<std::size_t>(rank) * streams + static_cast<std::size_t>(stream)];
  }
  [[nodiscard]] const Queue& queue(Rank rank, Stream stream) const {
    return queues[static_cast<std::size_t>(rank) * streams + static_cast<std::size_t>(stream)];
  }

  std::vector<State> states;  ///< by operation
  /// By exchange: transfers whose other side has not started, less than zero before it starts
  /// itself. By first member of a collective: members that have started.
  std::vector<std::int64_t> unmet;
  std::vector<Queue> queues;
};

/// The lowest operation on a cycle of waits and the cycle in words; nothing when all have ended.
[[nodiscard]] Found describe_deadlock(const Schedule& schedule, const Matching& matching,
                                      const Progress& progress);

}  // namespace hsap::verifier
