#pragma once

#include <cstdint>

#include "base/json.hpp"
#include "hsap/predict.hpp"

namespace hsap {

/// A prediction as "hsap.prediction/1". `wall_s` is what the prediction took by the clock, the one
/// value that differs from run to run.
///
/// "summary" holds "mean" and "max" of every number of the batches, in the shape of a batch.
/// "replicas" is how many groups of "ranks" work side by side, each on batches of its own;
/// "global_batch" is how many batches they take together for one "step".
/// Beyond the contract, a step has its "breakdown" in seconds and a batch has "limit", what limits
/// the run in words, and "basis", a list of {"number", "basis", "why"}: what each predicted number
/// rests on. "step" is absent for attention without a model.
[[nodiscard]] json::Ordered prediction_json(const Prediction& prediction, const Cluster& cluster,
                                            double wall_s);

}  // namespace hsap
