#include "cost/calibrate/least_squares.hpp"

#include <utility>

#include "cost/calibrate/robust.hpp"

namespace hsap::fit {

LeastSquares::LeastSquares(std::size_t rows, Eigen::VectorXd start)
    : features(Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(rows), start.size())),
      offset(Eigen::VectorXd::Zero(static_cast<Eigen::Index>(rows))),
      measured(static_cast<Eigen::Index>(rows)),
      values(std::move(start)),
      fitted(static_cast<std::size_t>(values.size()), true) {}

void LeastSquares::solve() {
  std::vector<Eigen::Index> columns;
  Eigen::VectorXd known = offset;
  for (Eigen::Index c = 0; c < values.size(); ++c) {
    if (fitted[static_cast<std::size_t>(c)]) {
      columns.push_back(c);
    } else {
      known += features.col(c) * values[c];
    }
  }
  if (columns.empty()) return;
  const Eigen::VectorXd found = fit_relative(features(Eigen::all, columns), known, measured);
  values(columns) = found;
}

void LeastSquares::solve_with_latency() {
  solve();
  if (values[0] >= 0) return;
  values[0] = 0;
  keep(0);
  solve();
}

}  // namespace hsap::fit
