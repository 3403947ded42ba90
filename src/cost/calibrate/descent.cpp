#include "cost/calibrate/descent.hpp"

#include <Eigen/Cholesky>
#include <cmath>

#include "cost/calibrate/robust.hpp"

namespace hsap::fit {
namespace {

/// Wide enough to look past the steps of waves and tiles, which are no slopes.
constexpr double derivative_step = 1e-2;
constexpr int most_rounds = 60;
constexpr double most_damping = 1e8;

/// Change of the errors with the logarithm of each value, by central differences.
Eigen::MatrixXd slopes(const Errors& errors, const Bounded& bounds, const Eigen::VectorXd& at) {
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(errors(at).size(), at.size());
  for (Eigen::Index c = 0; c < at.size(); ++c) {
    if (bounds.low[c] == bounds.high[c]) continue;
    Eigen::VectorXd less = at;
    Eigen::VectorXd more = at;
    less[c] = std::max(bounds.low[c], at[c] * std::exp(-derivative_step));
    more[c] = std::min(bounds.high[c], at[c] * std::exp(derivative_step));
    out.col(c) = (errors(more) - errors(less)) / std::log(more[c] / less[c]);
  }
  return out;
}

/// A damped Gauss-Newton step that lowers the weighted squares, or `at` when there is none.
Eigen::VectorXd step(const Errors& errors, const Bounded& bounds, const Eigen::VectorXd& at,
                     double& damping) {
  const Eigen::VectorXd now = errors(at);
  const Eigen::VectorXd weights = huber_weights(now);
  const Eigen::MatrixXd slope = slopes(errors, bounds, at);
  const Eigen::MatrixXd normal = slope.transpose() * weights.asDiagonal() * slope;
  const Eigen::VectorXd pull = slope.transpose() * weights.cwiseProduct(now);
  const double loss = weights.dot(now.cwiseAbs2());
  for (; damping < most_damping; damping *= 4) {
    Eigen::MatrixXd damped = normal;
    damped.diagonal() += damping * (normal.diagonal().array() + 1e-9).matrix();
    const Eigen::VectorXd move = damped.ldlt().solve(-pull).cwiseMax(-1).cwiseMin(1);
    Eigen::VectorXd next = bounds.clamped(at.cwiseProduct(move.array().exp().matrix()));
    if (weights.dot(errors(next).cwiseAbs2()) >= loss) continue;
    damping = std::max(1e-6, damping / 10);
    return next;
  }
  return at;
}

}  // namespace

Eigen::VectorXd descend(const Errors& errors, const Bounded& bounds, const Eigen::VectorXd& start) {
  Eigen::VectorXd at = bounds.clamped(start);
  double damping = 1e-3;
  for (int round = 0; round < most_rounds && damping < most_damping; ++round) {
    const Eigen::VectorXd next = step(errors, bounds, at, damping);
    // A value that stays may be 0.
    const double change = (next - at).cwiseQuotient(at.cwiseMax(1e-300)).norm();
    at = next;
    if (change < 1e-7) break;
  }
  return at;
}

}  // namespace hsap::fit
