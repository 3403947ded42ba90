#include "cost/calibrate/links.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.hpp"
#include "cost/calibrate/link_rows.hpp"
#include "cost/calibrate/network.hpp"
#include "cost/calibrate/record.hpp"

namespace hsap::fit {
namespace {

/// Columns: latency of an NVLink, seconds a byte of a lane.
LeastSquares nvlink_problem(const LinkRows& links, const LinkRows::Rows& rows,
                            const LinkCurve& curve) {
  LeastSquares problem(rows.size(),
                       Eigen::Vector2d(curve.latency_s, 1 / curve.bandwidth_bytes_per_s));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto at = static_cast<Eigen::Index>(i);
    const Shape& lies = links.shape(*rows[i]);
    const double alone = rows[i]->bytes + curve.ramp_bytes;
    problem.features(at, 0) = lies.nvlinks;
    problem.features(at, 1) = std::max(alone, lies.nvlink_share * rows[i]->bytes);
    problem.measured[at] = rows[i]->seconds;
  }
  return problem;
}

Status fit_nvlink(const LinkRows& links, Calibration& out) {
  if (links.any([](const Shape& at) { return !at.inter_node && !at.over_nvlink; })) {
    keep(out, "pcie", "messages inside a node that leave the NVLinks are shown but not fitted");
  }
  HSAP_TRY(const LinkRows::Rows rows, links.where("inside a node", [](const Shape& at) {
    return !at.inter_node && at.over_nvlink;
  }));
  if (rows.empty()) {
    keep(out, "nvlink", "no rounds over NVLink inside a node: kept from the base cluster");
    return {};
  }
  LinkCurve& curve = curve_of(out.spec, LinkClass::nvlink);
  LeastSquares problem = nvlink_problem(links, rows, curve);
  keep_untold(rows, "nvlink", problem, out);
  problem.solve();
  if (problem.values[0] < 0 && curve.ramp_bytes > 0) {  // the ramp explains too much
    set(out, "nvlink.ramp_bytes", curve.ramp_bytes, 0);
    const std::vector<bool> told = problem.fitted;
    problem = nvlink_problem(links, rows, curve);
    problem.fitted = told;
  } else if (curve.ramp_bytes > 0) {
    keep(out, "nvlink ramp", "looks like a latency to messages that share no link: kept");
  }
  problem.solve_with_latency();
  set(out, "nvlink.latency_s", curve.latency_s, problem.values[0]);
  set(out, "nvlink.bandwidth_bytes_per_s", curve.bandwidth_bytes_per_s, 1 / problem.values[1]);
  set_source(out.spec, "nvlink",
             fmt::format("fitted to {}: {:.2f} us a link, {}", links.source_of(rows),
                         curve.latency_s * 1e6, format_rate(curve.bandwidth_bytes_per_s)));
  return {};
}

/// What the numbers of a kind of link now rest on.
void tell_ranges(const Data& data, const LinkRows& links, Calibration& out) {
  ClusterSpec::Calibrated& known = out.spec.calibrated;
  ClusterSpec::Calibrated found;
  for (const TransferRow& row : data.transfers) {
    if (row.bytes < min_fitted_bytes) continue;
    const bool between = links.shape(row).inter_node;
    widen(between ? found.network_message_bytes : found.node_message_bytes, row.bytes);
    if (between) widen(found.nodes, out.nodes);
  }
  if (found.node_message_bytes) known.node_message_bytes = found.node_message_bytes;
  if (found.nodes) {
    known.network_message_bytes = found.network_message_bytes;
    known.nodes = found.nodes;
  }
}

Status add_link_points(const Data& data, const LinkRows& links, Calibration& out) {
  HSAP_TRY(const Cluster cluster, Cluster::build(out.spec, out.nodes));
  for (const TransferRow& row : data.transfers) {
    if (row.bytes < min_fitted_bytes) continue;
    const Pattern& pattern = data.patterns[row.pattern];
    Point point;
    point.kind = "links";
    point.group = fmt::format(
        "{}, {} at once, {}", links.shape(row).inter_node ? "inter-node" : "intra-node",
        pattern.transfers.size(), row.bytes < large_bytes ? "64 KB to 1 MB" : "1 MB and more");
    point.label = fmt::format("{}, {}", format_bytes(row.bytes), pattern.name);
    point.size = row.bytes;
    point.measured_s = row.seconds;
    point.fitted_s = round_seconds(cluster, pattern, row.bytes);
    out.points.push_back(std::move(point));
  }
  return {};
}

}  // namespace

Status fit_links(const Data& data, Calibration& out) {
  if (data.transfers.empty()) {
    keep(out, "links", "no transfers: kept from the base cluster");
    if (out.nodes == 0) out.nodes = 1;
    return {};
  }
  HSAP_TRY(const LinkRows links, LinkRows::make(data, out));
  HSAP_CHECK(fit_nvlink(links, out));
  HSAP_CHECK(fit_network(links, out));
  tell_ranges(data, links, out);
  return add_link_points(data, links, out);
}

}  // namespace hsap::fit
