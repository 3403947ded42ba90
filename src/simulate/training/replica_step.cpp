#include "simulate/training/replica_step.hpp"

#include <algorithm>
#include <vector>

#include "simulate/training/pipeline.hpp"

namespace hsap {

ReplicaStep::ReplicaStep(std::span<const StepTimes> steps, const Pipeline& pipeline,
                         int accumulation, int most)
    : pipeline_(pipeline) {
  const int rounds = std::max(1, most / pipeline.stages);
  places_ = std::min(accumulation, rounds * pipeline.stages);
  if (pipeline.stages == 1) return;
  for (const StepTimes& step : steps) {
    beyond_ += step.parts.once_s + pipeline_seconds(step.parts, accumulation, pipeline) -
               pipeline_seconds(step.parts, places_, pipeline);
  }
  beyond_ /= static_cast<double>(steps.size());
}

double ReplicaStep::seconds(std::span<const StepTimes* const> batches) const {
  if (pipeline_.stages == 1) {
    double sum = 0;
    for (const StepTimes* batch : batches) sum += batch->seconds;
    return sum / places_;
  }
  std::vector<const StepParts*> parts;
  parts.reserve(batches.size());
  for (const StepTimes* batch : batches) parts.push_back(&batch->parts);
  return beyond_ + pipeline_seconds(parts, pipeline_);
}

}  // namespace hsap
