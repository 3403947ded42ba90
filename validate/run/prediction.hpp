#pragma once

#include <string>
#include <vector>

#include "hsap/cluster.hpp"
#include "hsap/execute.hpp"
#include "hsap/plan.hpp"
#include "hsap/runtime.hpp"
#include "hsap/simulate.hpp"

namespace hsap::validation {

/// What the times of a run are predicted for.
struct Machine {
  ClusterSpec cluster;
  Runtime runtime;          ///< means nothing for one device
  bool one_device = false;  ///< all ranks on one GPU of the cluster
  // Where both come from.
  std::string cluster_name = "single-gpu";
  std::string runtime_name = "hsap";
  std::vector<Override> overrides = {};

  /// "simulated on dgx-h100, runtime hsap".
  [[nodiscard]] std::string text() const;
};

/// The machine of a plan, or another cluster in its place ("": the plan's).
/// Errors: a cluster or runtime that is not found or does not read (bad_input).
[[nodiscard]] Result<Machine> machine_of(const Plan& plan, const std::string& cluster);

/// One GPU of a cluster ("": single-gpu). Errors as above.
[[nodiscard]] Result<Machine> one_device_of(const std::string& cluster);

/// When the operations of a schedule run.
struct Timeline {
  double seconds = 0;       ///< until the last one has ended
  std::vector<Span> spans;  ///< by begin, then operation
};

/// On a cluster as the simulator has it, on as many nodes as the ranks fill. On one device each
/// operation alone, one after the other in the order in which the run issued them: streams that
/// share a device do not make it faster. Errors: the ranks do not fit the cluster (bad_input).
[[nodiscard]] Result<Timeline> predict(const Schedule& schedule, const Execution& execution,
                                       const Machine& machine);

/// As a run measured it: begins of its last repeat, medians of all.
[[nodiscard]] Timeline measured(const Execution& execution);

/// One operation alone on a device. Messages are copies in its memory: each byte read and written.
[[nodiscard]] double seconds_alone(const Schedule& schedule, const Operation& op,
                                   const Device& device);

}  // namespace hsap::validation
