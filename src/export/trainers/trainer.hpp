#pragma once

#include <string>
#include <vector>

#include "hsap/export.hpp"

/// What the writers of trainer options share.
namespace hsap {

/// Options in the making.
struct Draft {
  std::vector<std::string> lines;  ///< options or code
  std::vector<std::string> notes;  ///< "what: why; nearest: setting"
  std::string strategy_note;       ///< the first that is about the strategy

  /// Notes that `what`, of the problem or the training, cannot be said and what is used in its
  /// place.
  void lose(const std::string& what, const std::string& why, const std::string& nearest);
  /// The same of a part of the strategy.
  void lose_choice(const std::string& what, const std::string& why, const std::string& nearest);
};

/// True when some batch of the plan holds more than one document.
[[nodiscard]] bool packed(const Plan& plan);

/// The context, or the next multiple of `unit` tokens where the trainer takes no other; `what` it
/// calls it.
[[nodiscard]] Token length_of(const Plan& plan, Token unit, const std::string& what, Draft& draft);
/// Notes that batches are to be padded to multiples of `unit` tokens, if one is not.
void lose_batches(const Plan& plan, Token unit, Draft& draft);

/// Packed batches of all replicas in one optimizer step.
[[nodiscard]] int batches_per_step(const Plan& plan);

/// The pieces of the plan's model.
[[nodiscard]] Pipeline pipeline_of_plan(const Plan& plan);
/// False where the first and last piece have a layer less than the others.
[[nodiscard]] bool equal_pieces(const Plan& plan);
/// Says that there are no pipeline stages, if the plan has some.
void lose_pipeline(const Plan& plan, const std::string& why, Draft& draft);
/// The same for experts on several GPUs.
void lose_experts(const Plan& plan, const std::string& why, Draft& draft);

/// The largest divisor of `ranks` that also divides the query and the key/value heads of one
/// tensor-parallel rank: how far a trainer without uneven or replicated heads can go with Ulysses.
[[nodiscard]] int largest_even_ulysses(const Plan& plan, int ranks);
/// Whether `ulysses` divides the query and the key/value heads of one tensor-parallel rank.
[[nodiscard]] bool even_heads(const Plan& plan, int ulysses);

/// Notes on what no trainer here has an option for, whatever the strategy: attention in fp32, a
/// loader that looks ahead.
void lose_question(const Plan& plan, const std::string& trainer, Draft& draft);
/// The same, and of the strategy: stages, variants of p2p.
void lose_common(const Plan& plan, const std::string& trainer, Draft& draft);
/// Notes that the trainer sends partial dK and dV in `sent`, where the plan has another dtype.
void lose_gradient_dtype(const Plan& plan, const std::string& trainer, Dtype sent, Draft& draft);

/// Context parallelism as TransformerEngine does it, for itself and for Megatron-LM.
struct TransformerEngineChoice {
  int a2a = 1;            ///< ranks that split heads
  int p2p = 1;            ///< ranks that split tokens
  std::string comm_type;  ///< "p2p", "a2a", "all_gather" or "a2a+p2p"
};
/// `trainer` is whose options they become.
[[nodiscard]] TransformerEngineChoice choose_transformer_engine(const Plan& plan,
                                                                const std::string& trainer,
                                                                Draft& draft);

/// A sliding window as TransformerEngine and Megatron-LM count it: keys before and after a query,
/// itself left out; empty for other masks.
[[nodiscard]] std::string window_size(const Mask& mask);
/// That of all layers of a plan or, where they differ, of those that have one.
[[nodiscard]] std::string window_size(const Plan& plan);

/// Notes that the trainer takes its masks from the model, where the plan's layers differ.
void lose_window(const Plan& plan, const std::string& trainer, Draft& draft);

// One writer a file.
[[nodiscard]] Draft megatron_options(const Plan& plan);
[[nodiscard]] Draft transformer_engine_options(const Plan& plan);
[[nodiscard]] Draft yunchang_options(const Plan& plan);
[[nodiscard]] Draft deepspeed_options(const Plan& plan);
[[nodiscard]] Draft torchtitan_options(const Plan& plan);

}  // namespace hsap
