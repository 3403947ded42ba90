#include "cost/calibrate/network.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cost/calibrate/record.hpp"

namespace hsap::fit {
namespace {

/// NICs that reach this share of what each alone reaches do not limit each other.
constexpr double unlimited_share = 0.98;

class NetworkFit {
 public:
  using Rows = LinkRows::Rows;

  NetworkFit(const LinkRows& links, const Rows& rows, Calibration& out)
      : links_(links), rows_(rows), out_(out) {}

  void run() {
    const auto one = std::count_if(rows_.begin(), rows_.end(), [&](const TransferRow* row) {
      return through_one_nic(shape(*row));
    });
    const bool single = one > 0;
    bool many = static_cast<std::size_t>(one) < rows_.size();
    if (!many) {
      keep(out_, "network.node_bandwidth_bytes_per_s", "never more than one NIC of a node at work");
    }
    LeastSquares problem = problem_of(many);
    keep_untold(rows_, "nic", problem, out_);
    const std::vector<bool> told = problem.fitted;
    if (!single) problem.keep(1);
    if (!many) problem.keep(2);
    problem.solve_with_latency();
    if (single && many && !node_limits(problem)) {
      many = false;
      keep(out_, "network.node_bandwidth_bytes_per_s",
           "the NICs of a node do not limit each other");
      set(out_, "network.node_bandwidth_bytes_per_s", out_.spec.node_bandwidth_bytes_per_s, 0);
      problem = problem_of(false);
      problem.fitted = told;
      problem.keep(2);
      problem.solve_with_latency();
    }
    if (!single) {
      keep(out_, "nic.bandwidth_bytes_per_s",
           fmt::format("{} at once between nodes: one alone is not determined, "
                       "network.node_bandwidth_bytes_per_s is",
                       most_at_once()));
    }
    set_latencies(problem.values[0]);
    if (problem.fitted[1]) set_nic(1 / problem.values[1]);
    if (problem.fitted[2] && many) set_node(1 / problem.values[2]);
    tell_sources(single, many);
  }

 private:
  [[nodiscard]] const Shape& shape(const TransferRow& row) const { return links_.shape(row); }

  static bool through_one_nic(const Shape& at) { return at.node_share <= at.nic_share; }

  /// Columns: factor on the latencies of links other than NVLinks, seconds a byte of a NIC, and
  /// of all NICs of a node together.
  [[nodiscard]] LeastSquares problem_of(bool node_limits) {
    const LinkCurve& nic = curve_of(out_.spec, LinkClass::nic);
    const double node = out_.spec.node_bandwidth_bytes_per_s;
    LeastSquares problem(
        rows_.size(), Eigen::Vector3d(1, 1 / nic.bandwidth_bytes_per_s, node > 0 ? 1 / node : 0));
    const LinkCurve& nvlink = curve_of(out_.spec, LinkClass::nvlink);
    const double nvlink_ramp_s =
        nvlink.ramp_bytes > 0 ? nvlink.ramp_bytes / nvlink.bandwidth_bytes_per_s : 0;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const auto at = static_cast<Eigen::Index>(i);
      const TransferRow& row = *rows_[i];
      const Shape& lies = shape(row);
      problem.offset[at] = lies.nvlinks * nvlink.latency_s;
      problem.features(at, 0) =
          std::max(0.0, lies.latency_s - lies.nvlinks * links_.nvlink_latency_s());
      if (node_limits && !through_one_nic(lies)) {
        problem.features(at, 2) = lies.node_share * row.bytes;
      } else {
        const double ramp_s = lies.nvlinks > 0 ? nvlink_ramp_s : 0;
        const double ramp = std::max(nic.ramp_bytes, ramp_s * nic.bandwidth_bytes_per_s);
        const bool alone = row.bytes + ramp >= lies.nic_share * row.bytes;
        const bool at_nic = ramp == nic.ramp_bytes;  // the longest ramp on the way is the NIC's
        problem.features(at, 1) =
            alone ? row.bytes + (at_nic ? ramp : 0) : lies.nic_share * row.bytes;
        if (alone && !at_nic) problem.offset[at] += ramp_s;
      }
      problem.measured[at] = row.seconds;
    }
    return problem;
  }

  [[nodiscard]] double most_at_once() const {
    double most = 0;
    for (const TransferRow* row : rows_) most = std::max(most, shape(*row).node_share);
    return most;
  }

  /// NICs of a node that a round keeps at work.
  [[nodiscard]] double most_nics() const {
    double nics = 1;
    for (const TransferRow* row : rows_) {
      nics = std::max(nics, shape(*row).node_share / shape(*row).nic_share);
    }
    return nics;
  }

  /// Whether the NICs together carry less than one by one.
  [[nodiscard]] bool node_limits(const LeastSquares& problem) const {
    return 1 / problem.values[2] < unlimited_share * most_nics() / problem.values[1];
  }

  void set_latencies(double factor) {
    for (const LinkClass of : {LinkClass::pcie, LinkClass::nic, LinkClass::fabric}) {
      LinkCurve& curve = curve_of(out_.spec, of);
      if (curve.latency_s == 0) continue;
      set(out_, std::string(to_string(of)) + ".latency_s", curve.latency_s,
          curve.latency_s * factor);
    }
  }

  /// What the NIC carries, PCIe before it carries too.
  void set_nic(double bytes_per_s) {
    LinkCurve& nic = curve_of(out_.spec, LinkClass::nic);
    LinkCurve& pcie = curve_of(out_.spec, LinkClass::pcie);
    set(out_, "nic.bandwidth_bytes_per_s", nic.bandwidth_bytes_per_s, bytes_per_s);
    curve_of(out_.spec, LinkClass::fabric).bandwidth_bytes_per_s =
        nic.bandwidth_bytes_per_s / out_.spec.oversubscription;
    if (pcie.bandwidth_bytes_per_s > 0 && pcie.bandwidth_bytes_per_s < nic.bandwidth_bytes_per_s) {
      set(out_, "pcie.bandwidth_bytes_per_s", pcie.bandwidth_bytes_per_s,
          nic.bandwidth_bytes_per_s);
    }
  }

  /// A NIC alone is no slower than its share of all.
  void set_node(double bytes_per_s) {
    set(out_, "network.node_bandwidth_bytes_per_s", out_.spec.node_bandwidth_bytes_per_s,
        bytes_per_s);
    const double share = bytes_per_s / most_nics();
    if (curve_of(out_.spec, LinkClass::nic).bandwidth_bytes_per_s < share) set_nic(share);
  }

  void tell_sources(bool single, bool many) {
    const std::string from = links_.source_of(rows_);
    if (single) set_source(out_.spec, "nic", "fitted to " + from);
    if (many) {
      set_source(out_.spec, "network.node_bandwidth",
                 fmt::format("fitted to {}, up to {} at once", from, most_at_once()));
    }
    set_source(out_.spec, "latencies between nodes",
               "those of pcie, nic and fabric scaled together to fit " + from);
  }

  const LinkRows& links_;
  const Rows& rows_;
  Calibration& out_;
};

}  // namespace

Status fit_network(const LinkRows& links, Calibration& out) {
  HSAP_TRY(const LinkRows::Rows rows,
           links.where("between nodes", [](const Shape& at) { return at.inter_node; }));
  if (rows.empty()) {
    keep(out, "nic", "no rounds between nodes: kept from the base cluster");
    return {};
  }
  NetworkFit(links, rows, out).run();
  return {};
}

}  // namespace hsap::fit
