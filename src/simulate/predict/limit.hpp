#pragma once

#include <string>

#include "hsap/predict.hpp"

namespace hsap {

/// One pass of a prediction.
struct PassRun {
  Pass pass = Pass::forward;
  Schedule schedule;
  Simulation simulation;  ///< of the copy that takes longest
  int copy = 0;           ///< SimulateOptions::told
  double share = 1;       ///< of the layers
};

/// What limits attention, in words: "compute: kernels run 93 % of the attention time",
/// "communication: exposed 61 % of the attention time; node0.nic3 -> leaf3 (nic) is busy 88 % of
/// the forward pass", "imbalance: ...", "host: ...", "waiting: ...".
[[nodiscard]] std::string attention_limit(std::span<const PassRun> runs,
                                          const AttentionTimes& attention, const Cluster& cluster);

/// "largest part of the step: linear, 54 %".
[[nodiscard]] std::string largest_part(const StepTimes& step);

}  // namespace hsap
