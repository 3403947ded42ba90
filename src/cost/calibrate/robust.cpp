#include "cost/calibrate/robust.hpp"

#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <vector>

namespace hsap::fit {
namespace {

/// Errors below this are as good as none; keeps the weights finite on exact data.
constexpr double smallest_spread = 1e-6;
constexpr int most_weightings = 100;

/// From the median: for normal errors this is the standard deviation.
double spread_of(const Eigen::VectorXd& errors) {
  std::vector<double> sizes(static_cast<std::size_t>(errors.size()));
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    sizes[i] = std::abs(errors[static_cast<Eigen::Index>(i)]);
  }
  const auto middle = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 2);
  std::nth_element(sizes.begin(), middle, sizes.end());
  return std::max(smallest_spread, 1.4826 * *middle);
}

}  // namespace

Eigen::VectorXd huber_weights(const Eigen::VectorXd& errors) {
  if (errors.size() == 0) return errors;
  const double turn = huber_turn * spread_of(errors);
  return errors.unaryExpr(
      [turn](double error) { return std::min(1.0, turn / std::max(turn, std::abs(error))); });
}

Eigen::VectorXd fit_relative(const Eigen::MatrixXd& features, const Eigen::VectorXd& offset,
                             const Eigen::VectorXd& measured) {
  const Eigen::VectorXd inverse = measured.cwiseInverse();
  Eigen::MatrixXd rows = inverse.asDiagonal() * features;
  const Eigen::VectorXd target =
      Eigen::VectorXd::Ones(measured.size()) - inverse.cwiseProduct(offset);
  // Seconds and bytes differ by many orders of magnitude.
  Eigen::VectorXd scale = rows.colwise().norm().transpose();
  scale = scale.unaryExpr([](double norm) { return norm > 0 ? 1 / norm : 1.0; });
  rows = rows * scale.asDiagonal();
  Eigen::VectorXd weights = Eigen::VectorXd::Ones(measured.size());
  Eigen::VectorXd values = Eigen::VectorXd::Zero(features.cols());
  for (int round = 0; round < most_weightings; ++round) {
    const Eigen::VectorXd roots = weights.cwiseSqrt();
    const Eigen::VectorXd next = (roots.asDiagonal() * rows)
                                     .colPivHouseholderQr()
                                     .solve(Eigen::VectorXd(roots.cwiseProduct(target)));
    const double change = (next - values).norm();
    values = next;
    if (change <= 1e-10 * values.norm()) break;
    weights = huber_weights(rows * values - target);
  }
  return values.cwiseProduct(scale);
}

}  // namespace hsap::fit
