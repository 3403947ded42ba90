#pragma once

#include <vector>

#include "validate/run/prediction.hpp"

namespace hsap::validation {

/// One operation as it was predicted and as it ran.
struct OperationTimes {
  Index operation = 0;
  double predicted_s = 0;
  double measured_s = 0;  ///< median of the repeats
  double spread_s = 0;    ///< slowest less fastest repeat
};

/// The operations of one kind, of all ranks.
struct KindTimes {
  Kind kind = Kind::attend;
  std::vector<OperationTimes> operations;  ///< in the order of issue

  [[nodiscard]] double predicted_s() const;  ///< added up
  [[nodiscard]] double measured_s() const;   ///< added up
  /// Mean size of predicted / measured - 1 over the operations that took any time.
  [[nodiscard]] double mean_error() const;
  /// Mean of spread / measured over them.
  [[nodiscard]] double mean_spread() const;
};

/// A pass as it was predicted and as it ran.
struct PassTimes {
  Timeline predicted;
  Timeline measured;
  double measured_s = 0;  ///< from begin to end, of the slowest rank: median of the repeats
  double spread_s = 0;    ///< slowest less fastest repeat
  int repeats = 0;
  std::vector<KindTimes> kinds;  ///< in the order of Kind; those that did not run are left out
};

/// `execution` has measured every operation of the schedule once or more.
[[nodiscard]] PassTimes compare_times(const Schedule& schedule, const Execution& execution,
                                      Timeline predicted);

}  // namespace hsap::validation
