#pragma once

#include <cstddef>
#include <span>

#include "hsap/predict.hpp"

namespace hsap {

/// Seconds until the last stage of one replica is done with a step of so many batches, which it
/// takes in order. Every stage runs one forward and one backward in turn after as many forwards
/// ahead as fill the stages behind it (1F1B, PipeDream-flush, arXiv 2006.09503), or with several
/// pieces of the model the interleaved order of Megatron (arXiv 2104.04473, section 2.2.2), whose
/// batches are a multiple of the stages. A message takes its time between two stages and neither
/// of them. once_s is left out. No batch that takes longer makes it less.
[[nodiscard]] double pipeline_seconds(std::span<const StepParts* const> batches,
                                      const Pipeline& pipeline);

/// The same for `count` equal batches: exact up to some rounds of the pipeline, and from then on
/// every round takes as long as the last.
[[nodiscard]] double pipeline_seconds(const StepParts& batch, int count, const Pipeline& pipeline);

/// How many passes of one piece a stage runs forward before its first one backward.
[[nodiscard]] int warm_up(int stage, int batches, const Pipeline& pipeline);

/// Seconds of one batch in the two passes of a stage.
[[nodiscard]] double stage_seconds(const StepParts& batch, const Pipeline& pipeline, int stage);

}  // namespace hsap
