#pragma once

#include <Eigen/Core>

namespace hsap::fit {

/// Where Huber's loss turns from squares to absolute values, in standard deviations of the
/// errors: 95 % as good as least squares on normal errors, and outliers pull no harder than this.
inline constexpr double huber_turn = 1.345;

/// Weights of the rows of a least-squares problem whose errors are these, for Huber's loss. The
/// spread is taken from the median, so that outliers do not hide themselves.
[[nodiscard]] Eigen::VectorXd huber_weights(const Eigen::VectorXd& errors);

/// Values v that make `features` v + `offset` match `measured` (all above 0) best in relative
/// terms, by iteratively reweighted least squares with Huber's loss. Columns that the rows cannot
/// tell apart get the shortest solution.
[[nodiscard]] Eigen::VectorXd fit_relative(const Eigen::MatrixXd& features,
                                           const Eigen::VectorXd& offset,
                                           const Eigen::VectorXd& measured);

}  // namespace hsap::fit
