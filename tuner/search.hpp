#pragma once

#include "hsap/tune.hpp"
#include "tuner/evaluate.hpp"

namespace hsap {

/// Searches among `search.candidates`, whose legal ones are marked feasible: one batch each, then
/// the most promising to the end, giving up what the ranking proves beside the point. Fills in
/// everything else of `search`.
void run_search(Search& search, const Evaluator& evaluator, const TuneOptions& options,
                const TuneProgress& progress);

}  // namespace hsap
