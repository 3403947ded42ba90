#pragma once

#include <span>

#include "hsap/predict.hpp"

namespace hsap {

/// Attention buffers of one layer on one rank, in bytes.
struct AttentionBuffers {
  double kept = 0;          ///< from the forward to the backward pass: q, k, v, o, lse
  double transient = 0;     ///< alive at the peak of a pass beyond what is kept
  std::int64_t tokens = 0;  ///< home of the rank
};

/// How the model and its batches are dealt out.
struct Division {
  int data_ranks = 1;    ///< P x R, which hold the same layers
  int accumulation = 1;  ///< batches of each replica in a step
  Pipeline pipeline = {};
};

/// Peak on the rank of the stage that needs most; the parts add up to it exactly. What a stage
/// keeps of several batches is taken to be as much as of this one. docs/step-and-memory.md.
[[nodiscard]] Memory training_memory(const Setting& setting, const Division& division,
                                     std::span<const AttentionBuffers> ranks);

/// A lower limit of that peak, part by part, for every strategy of `ranks` ranks: an equal share of
/// the tokens and of what attention keeps, and nothing that is staged. `problem` is that of
/// problem_of().
[[nodiscard]] Memory least_training_memory(const Problem& problem, const Setting& setting,
                                           int ranks, const Division& division);

}  // namespace hsap
