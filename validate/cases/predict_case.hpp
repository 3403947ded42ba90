#pragma once

#include <vector>

#include "validate/cases/case_file.hpp"

namespace hsap::cases {

/// Seconds that a case of the file should take, or bytes that it should need, by the engine and the
/// cost model that every prediction uses. Errors: the cluster has no so many nodes, the strategy
/// does not fit.
[[nodiscard]] Result<double> predict_case(const CaseFile& file, const Case& item);

/// A case with its prediction.
struct Outcome {
  const Case* item = nullptr;
  double predicted = 0;  ///< in the unit of what was measured
  [[nodiscard]] double error() const { return predicted / item->measured - 1; }
};

/// All cases of a file on so many threads (0: one per core). The error names the case.
[[nodiscard]] Result<std::vector<Outcome>> predict_all(const CaseFile& file, int threads);

}  // namespace hsap::cases
