#pragma once

#include <Eigen/Core>
#include <functional>

namespace hsap::fit {

/// Values between bounds, all of them above 0: constants of a model.
struct Bounded {
  Eigen::VectorXd low;
  Eigen::VectorXd high;
  [[nodiscard]] Eigen::VectorXd clamped(const Eigen::VectorXd& values) const {
    return values.cwiseMax(low).cwiseMin(high);
  }
};

/// Errors of all rows for given values.
using Errors = std::function<Eigen::VectorXd(const Eigen::VectorXd&)>;

/// Values within the bounds with the least Huber loss near `start`, by Levenberg-Marquardt with
/// numeric derivatives on the logarithms of the values. Values with low == high stay.
[[nodiscard]] Eigen::VectorXd descend(const Errors& errors, const Bounded& bounds,
                                      const Eigen::VectorXd& start);

}  // namespace hsap::fit
