#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cost/calibrate/calibrate.hpp"
#include "cost/calibrate/least_squares.hpp"
#include "cost/calibrate/rounds.hpp"

namespace hsap::fit {

/// Rounds of messages, as they lie on the links of the cluster that they were measured on.
class LinkRows {
 public:
  using Rows = std::vector<const TransferRow*>;

  /// Settles `out.nodes` where nobody gave it. Errors: a GPU that the cluster does not have, a rate
  /// above what a link can do, or all far below it.
  [[nodiscard]] static Result<LinkRows> make(const Data& data, Calibration& out);

  [[nodiscard]] const Shape& shape(const TransferRow& row) const { return shapes_[row.pattern]; }
  /// The rows to fit of those whose shape is `wanted`; `what` names them ("between nodes"). Errors:
  /// too few, unless there are none at all.
  [[nodiscard]] Result<Rows> where(const std::string& what,
                                   const std::function<bool(const Shape&)>& wanted) const;
  [[nodiscard]] bool any(const std::function<bool(const Shape&)>& wanted) const;
  /// "123 rounds of a.csv, b.csv".
  [[nodiscard]] std::string source_of(const Rows& rows) const;
  /// Latency of an NVLink as it is in the latencies of the shapes.
  [[nodiscard]] double nvlink_latency_s() const { return nvlink_latency_s_; }

 private:
  LinkRows(const Data& data, double nvlink_latency_s)
      : data_(&data), nvlink_latency_s_(nvlink_latency_s) {}
  [[nodiscard]] Status check_rates() const;
  [[nodiscard]] Status check_fastest(bool between, double least) const;

  const Data* data_;
  double nvlink_latency_s_;
  std::vector<Shape> shapes_;  ///< by pattern
};

/// Keeps what messages of these sizes do not tell of a link: latency in column 0, rates in the
/// others.
void keep_untold(const LinkRows::Rows& rows, const std::string& link, LeastSquares& problem,
                 Calibration& out);

[[nodiscard]] inline LinkCurve& curve_of(ClusterSpec& spec, LinkClass link_class) {
  return spec.curves[static_cast<int>(link_class)];
}

}  // namespace hsap::fit
