#pragma once

#include <string>
#include <vector>

#include "hsap/predict.hpp"
#include "simulate/training/memory.hpp"
#include "simulate/training/step.hpp"

namespace hsap {

/// Reads them off the schedules (either may be null) and their simulations. Kept is what the
/// backward schedule has as input, the incoming gradient excluded, and o at home, which the output
/// projection's weight gradient needs; without a backward pass nothing is kept.
[[nodiscard]] std::vector<AttentionBuffers> attention_buffers(const Schedule* forward,
                                                              const Simulation* forward_run,
                                                              const Schedule* backward,
                                                              const Simulation* backward_run);

/// The mean layer's attention of a batch, simulated in the passes asked for: all that a prediction
/// takes from it. How the rest of the model is trained makes no difference to it, but for T.
struct SimulatedAttention {
  int ranks = 1;
  AttentionTimes times;
  std::vector<LayerAttention> layers;     ///< of each of the model's masks
  std::int64_t rank_tokens = 0;           ///< on the rank with most
  std::vector<AttentionBuffers> buffers;  ///< of ranks that may need most memory
  std::string limit;                      ///< attention_limit()
  std::vector<Basis> basis;
  std::uint64_t events = 0;
};

/// All groups that the cluster has room for share its links; their ranks and T divide its GPUs.
/// `problem` is that of problem_of(). Errors: those of compile() and simulate().
[[nodiscard]] Result<SimulatedAttention> simulate_attention(const Problem& problem,
                                                            const Strategy& strategy,
                                                            const Setting& setting);

/// What follows for a batch. `problem` and T are those that were simulated. Errors: those of
/// replicas_of() and sharing_of().
[[nodiscard]] Result<BatchPrediction> predict(const SimulatedAttention& attention,
                                              const Problem& problem, const Setting& setting);

}  // namespace hsap
