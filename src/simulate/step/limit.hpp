#pragma once

#include <string>

#include "hsap/predict.hpp"

namespace hsap {

/// One pass of a prediction.
struct PassRun {
  Pass pass = Pass::forward;
  Schedule schedule;
  Simulation simulation;
};

/// What limits the run, in words: "compute: kernels run 93 % of the attention time",
/// "network: node0.nic3 -> leaf3 is busy 88 % of the forward pass", "imbalance: ...", "host: ...".
[[nodiscard]] std::string limit_of(std::span<const PassRun> runs, const BatchPrediction& prediction,
                                   const Cluster& cluster);

}  // namespace hsap
