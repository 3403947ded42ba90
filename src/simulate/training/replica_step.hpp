#pragma once

#include <cstddef>
#include <span>

#include "hsap/predict.hpp"

namespace hsap {

/// Passes of one piece of the model that a batch makes.
[[nodiscard]] inline std::size_t passes_of(const Pipeline& pipeline) {
  return 2 * pipeline.layers.size();
}

/// What one replica takes for a step, by the batches that it gets.
class ReplicaStep {
 public:
  /// Looks at `most` batches in whole rounds of the pipeline; more add what they take where all are
  /// equal.
  ReplicaStep(std::span<const StepTimes> steps, const Pipeline& pipeline, int accumulation,
              int most);

  [[nodiscard]] int places() const { return places_; }

  /// Of places() batches, in order.
  [[nodiscard]] double seconds(std::span<const StepTimes* const> batches) const;

 private:
  const Pipeline& pipeline_;
  int places_ = 1;
  double beyond_ = 0;
};

}  // namespace hsap
