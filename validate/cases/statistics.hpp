#pragma once

#include <span>
#include <string>
#include <vector>

#include "validate/cases/predict_case.hpp"

namespace hsap::cases {

/// How far predictions are from measurements. Errors are predicted / measured - 1.
struct Statistics {
  std::string group;
  std::size_t cases = 0;
  double mape = 0;    ///< mean |error|
  double median = 0;  ///< of |error|
  double p90 = 0;     ///< 90th percentile of |error|: the least that nine in ten do not exceed
  double bias = 0;    ///< mean error
  double tau = 0;     ///< Kendall's tau-b of predicted and measured; NaN where all are equal
};

[[nodiscard]] Statistics statistics(const std::string& group, std::span<const Outcome> outcomes);

/// By group in order of first appearance, then "all".
[[nodiscard]] std::vector<Statistics> by_group(std::span<const Outcome> outcomes);

/// Kendall's tau-b of two lists of equal length: pairs ordered alike less pairs ordered otherwise,
/// over the geometric mean of the pairs that are no tie in each list. NaN without such pairs.
/// O(n log n).
[[nodiscard]] double kendall_tau(std::span<const double> a, std::span<const double> b);

}  // namespace hsap::cases
