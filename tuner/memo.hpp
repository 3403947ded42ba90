#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "hsap/tune.hpp"
#include "simulate/predict/attention.hpp"

namespace hsap {

/// Attention that one search simulated, for others over the same batches, cluster, runtime, mask
/// and heads that train the rest of the model in another way. Asked by several threads at once.
class AttentionMemo {
 public:
  using Simulate = std::function<Result<SimulatedAttention>()>;
  using Known = std::shared_ptr<const SimulatedAttention>;

  /// Of the batch of that number. It is simulated where nobody has asked; errors are not kept.
  [[nodiscard]] Result<Known> get(std::size_t batch, const Strategy& strategy, int tensor_parallel,
                                  const Simulate& simulate);

 private:
  std::mutex mutex_;
  std::map<std::string, Known> known_;
};

/// tune(), which finds in `memo` what was simulated before, and leaves there what it simulates.
[[nodiscard]] Result<Search> tune(std::span<const Batch> batches, const Setting& setting,
                                  const TuneOptions& options, const TuneProgress& progress,
                                  AttentionMemo& memo);

}  // namespace hsap
