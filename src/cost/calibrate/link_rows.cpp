#include "cost/calibrate/link_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/units.hpp"
#include "cost/calibrate/links.hpp"
#include "cost/calibrate/record.hpp"

namespace hsap::fit {
namespace {

/// Messages up to here tell the latency, from there on the rate.
constexpr double latency_bytes = 1 << 20;
constexpr double link_rate_bytes = 4 << 20;
/// What the fastest round of 64 KB and more reaches at least, inside a node (a lane of PCIe) and
/// between nodes (Ethernet of 1 Gbit/s): less is a table in other units.
constexpr double least_inside_bytes_per_s = 1e9;
constexpr double least_between_bytes_per_s = 0.1e9;

/// Nodes that the transfers name. Errors: a GPU that the cluster does not have.
Result<int> nodes_named(const Data& data, const ClusterSpec& spec, int nodes) {
  const int per_node = spec.gpus_per_node();
  const int most = nodes > 0            ? nodes
                   : spec.max_nodes > 0 ? spec.max_nodes
                                        : max_cluster_gpus / per_node;
  int needed = 1;
  for (const TransferRow& row : data.transfers) {
    for (const Transfer& pair : data.patterns[row.pattern].transfers) {
      const int gpu = std::max(pair.from, pair.to);
      needed = std::max(needed, gpu / per_node + 1);
      if (needed <= most) continue;
      return data.error_at(
          row.place, "no such GPU in the cluster", std::to_string(gpu),
          fmt::format("at most {} ({} nodes of {})", most * per_node - 1, most, per_node));
    }
  }
  return needed;
}

}  // namespace

Result<LinkRows> LinkRows::make(const Data& data, Calibration& out) {
  HSAP_TRY(const int named, nodes_named(data, out.spec, out.nodes));
  if (out.nodes == 0) out.nodes = named;
  ClusterSpec spec = out.spec;
  spec.node_bandwidth_bytes_per_s = 0;  // counted apart from the NICs
  HSAP_TRY(const Cluster cluster, Cluster::build(spec, out.nodes));
  LinkRows rows(data, curve_of(spec, LinkClass::nvlink).latency_s);
  for (const Pattern& pattern : data.patterns) rows.shapes_.push_back(shape_of(cluster, pattern));
  HSAP_CHECK(rows.check_rates());
  HSAP_CHECK(rows.check_fastest(false, least_inside_bytes_per_s));
  HSAP_CHECK(rows.check_fastest(true, least_between_bytes_per_s));
  return rows;
}

/// A table in other units shows here.
Status LinkRows::check_rates() const {
  for (const TransferRow& row : data_->transfers) {
    const Shape& at = shape(row);
    const double share = at.inter_node ? at.nic_share : std::max(1.0, at.nvlink_share);
    const double most = at.inter_node ? max_nic_bytes_per_s : max_nvlink_bytes_per_s;
    const double rate = share * row.bytes / row.seconds;
    if (rate <= most) continue;
    return data_->error_at(
        row.place,
        at.inter_node ? "faster than any network card" : "faster than all NVLinks of a GPU",
        format_rate(rate), "at most " + format_rate(most) + "; bytes of one message, time in us");
  }
  return {};
}

/// So do times in nanoseconds: they make links a thousand times slower, but none is so slow.
Status LinkRows::check_fastest(bool between, double least) const {
  const TransferRow* best = nullptr;
  const auto rate = [](const TransferRow& row) { return row.bytes / row.seconds; };
  for (const TransferRow& row : data_->transfers) {
    if (shape(row).inter_node != between || row.bytes < min_fitted_bytes) continue;
    if (best == nullptr || rate(row) > rate(*best)) best = &row;
  }
  if (best == nullptr || rate(*best) >= least) return {};
  return data_->error_at(best->place,
                         fmt::format("slower than any link {}, as all other rounds are",
                                     between ? "between nodes" : "inside a node"),
                         format_rate(rate(*best)),
                         fmt::format("at least {} in the fastest; bytes of one message, time in us",
                                     format_rate(least)));
}

Result<LinkRows::Rows> LinkRows::where(const std::string& what,
                                       const std::function<bool(const Shape&)>& wanted) const {
  Rows rows;
  const TransferRow* last = nullptr;
  for (const TransferRow& row : data_->transfers) {
    if (!wanted(shape(row))) continue;
    last = &row;
    if (row.bytes >= min_fitted_bytes) rows.push_back(&row);
  }
  if (last == nullptr || rows.size() >= min_rows) return rows;
  return data_->error_at({last->place.file, 0},
                         fmt::format("too few rounds {} of 64 KB and more", what),
                         std::to_string(rows.size()), fmt::format("at least {}", min_rows));
}

bool LinkRows::any(const std::function<bool(const Shape&)>& wanted) const {
  return std::any_of(shapes_.begin(), shapes_.end(), wanted);
}

std::string LinkRows::source_of(const Rows& rows) const {
  std::set<std::size_t> files;
  for (const TransferRow* row : rows) files.insert(row->place.file);
  return fmt::format("{} rounds of {}", rows.size(), file_names(*data_, files));
}

void keep_untold(const LinkRows::Rows& rows, const std::string& link, LeastSquares& problem,
                 Calibration& out) {
  const auto [least, most] = std::minmax_element(
      rows.begin(), rows.end(), [](auto* a, auto* b) { return a->bytes < b->bytes; });
  if ((*least)->bytes > latency_bytes) {
    keep(out, link + " latency", "no message of 64 KB to 1 MB: kept from the base cluster");
    problem.keep(0);
  }
  if ((*most)->bytes < link_rate_bytes) {
    keep(out, link + " bandwidth", "no message of 4 MB and more: kept from the base cluster");
    for (Eigen::Index c = 1; c < problem.values.size(); ++c) problem.keep(c);
  }
}

}  // namespace hsap::fit
