#pragma once

#include <array>
#include <vector>

#include "hsap/schedule.hpp"

namespace hsap {

/// By stream: one more than the last operation of a rank on it that is meant; 0 for none.
using StreamClock = std::array<Index, streams>;

/// What the schedule itself orders on one rank: an operation starts when those before it on its
/// stream and those that it depends on are complete, and all that was complete when they started.
class Completion {
 public:
  explicit Completion(const Schedule& schedule) : schedule_(schedule) {}

  void begin(const Range& program);
  /// What is complete when operation `at` starts. Asked in array order, once for each of the
  /// program; the answer stands until the next program begins.
  const StreamClock& before(Index at);

 private:
  void include(Index earlier, StreamClock& clock) const;

  const Schedule& schedule_;
  Index first_ = 0;
  std::vector<StreamClock> clocks_;  ///< by operation of the program
  StreamClock last_{};               ///< by stream: the last operation so far
};

}  // namespace hsap
