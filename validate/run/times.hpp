#pragma once

#include <vector>

#include "hsap/cluster.hpp"
#include "hsap/execute.hpp"

namespace hsap::validation {

/// The operations of one kind: as the cost model has them alone on a device, and as they ran.
struct KindTimes {
  Kind kind = Kind::attend;
  int operations = 0;
  double predicted_s = 0;
  double measured_s = 0;
  double error = 0;   ///< mean size of predicted / measured - 1 over the operations
  double spread = 0;  ///< mean of spread / seconds over the operations
};

/// One operation alone on a device. Messages are copies in its memory: each byte read and written.
[[nodiscard]] double predicted_seconds(const Schedule& schedule, const Operation& op,
                                       const Device& device);

/// By kind, in the order of Kind; kinds that did not run are left out.
[[nodiscard]] std::vector<KindTimes> compare_times(const Schedule& schedule,
                                                   const std::vector<OperationTime>& times,
                                                   const Device& device);

}  // namespace hsap::validation
