#pragma once

#include <string>

#include "hsap/export.hpp"
#include "support/sample_plan.hpp"

/// Plans in a few words and what their exports say.
namespace hsap::test {

/// A plan over one document with the strategy's mesh filling 8 GPUs.
inline Plan plan_of(const Strategy& strategy) {
  Plan plan = test::sample_plan();
  plan.problem.batches = {Batch{{4096}}};
  plan.training = {1, Training::Checkpointing::none};
  plan.strategy = strategy;
  return plan;
}

/// The same with partial gradients that travel as TransformerEngine's do.
inline Plan engine_plan_of(Strategy strategy) {
  strategy.gradient_dtype = Dtype::bf16;
  return plan_of(strategy);
}

inline bool says(const Exported& exported, const std::string& text) {
  return exported.text.find(text) != std::string::npos;
}

inline bool loses(const Exported& exported, const std::string& what) {
  for (const std::string& note : exported.notes) {
    if (note.rfind(what, 0) == 0) return true;
  }
  return false;
}

}  // namespace hsap::test
