#pragma once

#include <Eigen/Core>
#include <vector>

namespace hsap::fit {

/// Seconds of rows as `features` times `values` plus `offset`, where some of the values may stay as
/// they are.
struct LeastSquares {
  Eigen::MatrixXd features;
  Eigen::VectorXd offset;
  Eigen::VectorXd measured;
  Eigen::VectorXd values;    ///< as they are, then as fitted
  std::vector<bool> fitted;  ///< by column

  LeastSquares(std::size_t rows, Eigen::VectorXd start);

  void keep(Eigen::Index column) { fitted[static_cast<std::size_t>(column)] = false; }
  /// By fit_relative().
  void solve();
  /// The same; a first column that would come out below zero is put at zero.
  void solve_with_latency();
};

}  // namespace hsap::fit
