#pragma once

#include <vector>

#include "validate/cases/case_file.hpp"

namespace hsap::cases {

/// Seconds that a case of the file should take, by the engine and the cost model that every
/// prediction uses. Errors: the cluster has no so many nodes, the strategy does not fit.
[[nodiscard]] Result<double> predict_case(const CaseFile& file, const Case& item);

/// A case with its prediction.
struct Outcome {
  const Case* item = nullptr;
  double predicted_s = 0;
  [[nodiscard]] double error() const { return predicted_s / item->measured_s - 1; }
};

/// All cases of a file on so many threads (0: one per core). The error names the case.
[[nodiscard]] Result<std::vector<Outcome>> predict_all(const CaseFile& file, int threads);

}  // namespace hsap::cases
