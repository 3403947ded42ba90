#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "hsap/execute.hpp"

namespace hsap::support {

/// Largest difference over largest truth; infinite where a number is missing.
inline double relative_error(const Tensor& found, const Tensor& truth) {
  if (found.values.size() != truth.values.size()) return std::numeric_limits<double>::infinity();
  double worst = 0;
  double largest = 0;
  for (std::size_t i = 0; i < truth.values.size(); ++i) {
    const double error = std::abs(found.values[i] - truth.values[i]);
    if (std::isnan(error)) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, error);
    largest = std::max(largest, std::abs(truth.values[i]));
  }
  return largest > 0 ? worst / largest : worst;
}

}  // namespace hsap::support
