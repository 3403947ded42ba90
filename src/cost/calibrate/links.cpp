#include "cost/calibrate/links.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/units.hpp"
#include "cost/calibrate/record.hpp"
#include "cost/calibrate/robust.hpp"
#include "cost/calibrate/rounds.hpp"

namespace hsap::fit {
namespace {

/// Messages up to here tell the latency, from there on the rate.
constexpr double latency_bytes = 1 << 20;
constexpr double rate_bytes = 4 << 20;
/// What the fastest round of 64 KB and more reaches at least, inside a node (a lane of PCIe) and
/// between nodes (Ethernet of 1 Gbit/s): less is a table in other units.
constexpr double least_inside_bytes_per_s = 1e9;
constexpr double least_between_bytes_per_s = 0.1e9;
/// NICs that reach this share of what each alone reaches do not limit each other.
constexpr double unlimited_share = 0.98;

LinkCurve& curve_of(ClusterSpec& spec, LinkClass link_class) {
  return spec.curves[static_cast<int>(link_class)];
}

/// Least squares in which some of the values may stay as they are.
struct Problem {
  Eigen::MatrixXd features;
  Eigen::VectorXd offset;
  Eigen::VectorXd measured;
  Eigen::VectorXd values;    ///< as they are, then as fitted
  std::vector<bool> fitted;  ///< by column

  Problem(std::size_t rows, Eigen::VectorXd start)
      : features(Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(rows), start.size())),
        offset(Eigen::VectorXd::Zero(static_cast<Eigen::Index>(rows))),
        measured(static_cast<Eigen::Index>(rows)),
        values(std::move(start)),
        fitted(static_cast<std::size_t>(values.size()), true) {}

  void keep(Eigen::Index column) { fitted[static_cast<std::size_t>(column)] = false; }

  void solve() {
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

  /// The same; a first column that would come out below zero is put at zero.
  void solve_with_latency() {
    solve();
    if (values[0] >= 0) return;
    values[0] = 0;
    keep(0);
    solve();
  }
};

class LinkFit {
 public:
  LinkFit(const Data& data, Calibration& out) : data_(data), out_(out) {}

  Status run() {
    HSAP_CHECK(check_gpus());
    HSAP_CHECK(find_shapes());
    HSAP_CHECK(check_rates());
    HSAP_CHECK(check_fastest(false, least_inside_bytes_per_s));
    HSAP_CHECK(check_fastest(true, least_between_bytes_per_s));
    HSAP_CHECK(fit_inside());
    HSAP_CHECK(fit_between());
    tell_ranges();
    return add_points();
  }

 private:
  using Rows = std::vector<const TransferRow*>;

  [[nodiscard]] const Shape& shape(const TransferRow& row) const { return shapes_[row.pattern]; }

  /// Every GPU exists; settles the number of nodes when nobody gave it.
  Status check_gpus() {
    const int per_node = out_.spec.gpus_per_node();
    const int most = out_.nodes > 0            ? out_.nodes
                     : out_.spec.max_nodes > 0 ? out_.spec.max_nodes
                                               : max_cluster_gpus / per_node;
    int needed = 1;
    for (const TransferRow& row : data_.transfers) {
      for (const Transfer& pair : data_.patterns[row.pattern].transfers) {
        const int gpu = std::max(pair.from, pair.to);
        needed = std::max(needed, gpu / per_node + 1);
        if (needed <= most) continue;
        return data_.error_at(
            row.place, "no such GPU in the cluster", std::to_string(gpu),
            fmt::format("at most {} ({} nodes of {})", most * per_node - 1, most, per_node));
      }
    }
    if (out_.nodes == 0) out_.nodes = needed;
    return {};
  }

  Status find_shapes() {
    ClusterSpec spec = out_.spec;
    spec.node_bandwidth_bytes_per_s = 0;  // counted apart from the NICs
    HSAP_TRY(const Cluster cluster, Cluster::build(spec, out_.nodes));
    for (const Pattern& pattern : data_.patterns) shapes_.push_back(shape_of(cluster, pattern));
    return {};
  }

  /// A table in other units shows here.
  Status check_rates() const {
    for (const TransferRow& row : data_.transfers) {
      const Shape& at = shape(row);
      const double share = at.inter_node ? at.nic_share : std::max(1.0, at.nvlink_share);
      const double most = at.inter_node ? max_nic_bytes_per_s : max_nvlink_bytes_per_s;
      const double rate = share * row.bytes / row.seconds;
      if (rate <= most) continue;
      return data_.error_at(
          row.place,
          at.inter_node ? "faster than any network card" : "faster than all NVLinks of a GPU",
          format_rate(rate), "at most " + format_rate(most) + "; bytes of one message, time in us");
    }
    return {};
  }

  /// So do times in nanoseconds: they make links a thousand times slower, but none is so slow.
  Status check_fastest(bool between, double least) const {
    const TransferRow* best = nullptr;
    const auto rate = [](const TransferRow& row) { return row.bytes / row.seconds; };
    for (const TransferRow& row : data_.transfers) {
      if (shape(row).inter_node != between || row.bytes < min_fitted_bytes) continue;
      if (best == nullptr || rate(row) > rate(*best)) best = &row;
    }
    if (best == nullptr || rate(*best) >= least) return {};
    return data_.error_at(
        best->place,
        fmt::format("slower than any link {}, as all other rounds are",
                    between ? "between nodes" : "inside a node"),
        format_rate(rate(*best)),
        fmt::format("at least {} in the fastest; bytes of one message, time in us",
                    format_rate(least)));
  }

  template <typename Wanted>
  Result<Rows> rows_where(const char* what, const Wanted& wanted) const {
    Rows rows;
    const TransferRow* last = nullptr;
    for (const TransferRow& row : data_.transfers) {
      if (!wanted(shape(row))) continue;
      last = &row;
      if (row.bytes >= min_fitted_bytes) rows.push_back(&row);
    }
    if (last == nullptr || rows.size() >= min_rows) return rows;
    return data_.error_at({last->place.file, 0},
                          fmt::format("too few rounds {} of 64 KB and more", what),
                          std::to_string(rows.size()), fmt::format("at least {}", min_rows));
  }

  void keep(const std::string& what, const std::string& why) {
    out_.undetermined.push_back({what, why});
  }

  /// Keeps what messages of these sizes do not tell: latency in column 0, rates in the others.
  void keep_untold(const Rows& rows, const std::string& link, Problem& problem) {
    const auto [least, most] = std::minmax_element(
        rows.begin(), rows.end(), [](auto* a, auto* b) { return a->bytes < b->bytes; });
    if ((*least)->bytes > latency_bytes) {
      keep(link + " latency", "no message of 64 KB to 1 MB: kept from the base cluster");
      problem.keep(0);
    }
    if ((*most)->bytes < rate_bytes) {
      keep(link + " bandwidth", "no message of 4 MB and more: kept from the base cluster");
      for (Eigen::Index c = 1; c < problem.values.size(); ++c) problem.keep(c);
    }
  }

  /// Columns: latency of an NVLink, seconds a byte of a lane.
  Problem inside_problem(const Rows& rows) {
    const LinkCurve& curve = curve_of(out_.spec, LinkClass::nvlink);
    Problem problem(rows.size(), Eigen::Vector2d(curve.latency_s, 1 / curve.bandwidth_bytes_per_s));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto at = static_cast<Eigen::Index>(i);
      const Shape& lies = shape(*rows[i]);
      const double alone = rows[i]->bytes + curve.ramp_bytes;
      problem.features(at, 0) = lies.nvlinks;
      problem.features(at, 1) = std::max(alone, lies.nvlink_share * rows[i]->bytes);
      problem.measured[at] = rows[i]->seconds;
    }
    return problem;
  }

  Status fit_inside() {
    const auto over_pcie = [](const Shape& at) { return !at.inter_node && !at.over_nvlink; };
    if (std::any_of(shapes_.begin(), shapes_.end(), over_pcie)) {
      keep("pcie", "messages inside a node that leave the NVLinks are shown but not fitted");
    }
    HSAP_TRY(const Rows rows, rows_where("inside a node", [](const Shape& at) {
               return !at.inter_node && at.over_nvlink;
             }));
    if (rows.empty()) {
      keep("nvlink", "no rounds over NVLink inside a node: kept from the base cluster");
      return {};
    }
    LinkCurve& curve = curve_of(out_.spec, LinkClass::nvlink);
    Problem problem = inside_problem(rows);
    keep_untold(rows, "nvlink", problem);
    problem.solve();
    if (problem.values[0] < 0 && curve.ramp_bytes > 0) {  // the ramp explains too much
      set(out_, "nvlink.ramp_bytes", curve.ramp_bytes, 0);
      problem = inside_problem(rows);
    } else if (curve.ramp_bytes > 0) {
      keep("nvlink ramp", "looks like a latency to messages that share no link: kept");
    }
    problem.solve_with_latency();
    set(out_, "nvlink.latency_s", curve.latency_s, problem.values[0]);
    set(out_, "nvlink.bandwidth_bytes_per_s", curve.bandwidth_bytes_per_s, 1 / problem.values[1]);
    set_source(out_.spec, "nvlink",
               fmt::format("fitted to {}: {:.2f} us a link, {}", source_of(rows),
                           curve.latency_s * 1e6, format_rate(curve.bandwidth_bytes_per_s)));
    return {};
  }

  static bool through_one_nic(const Shape& at) { return at.node_share <= at.nic_share; }

  /// Columns: factor on the latencies of links other than NVLinks, seconds a byte of a NIC, and
  /// of all NICs of a node together.
  Problem between_problem(const Rows& rows, bool node_limits) {
    const LinkCurve& nic = curve_of(out_.spec, LinkClass::nic);
    const double node = out_.spec.node_bandwidth_bytes_per_s;
    Problem problem(rows.size(),
                    Eigen::Vector3d(1, 1 / nic.bandwidth_bytes_per_s, node > 0 ? 1 / node : 0));
    const double nvlink_s = curve_of(out_.spec, LinkClass::nvlink).latency_s;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto at = static_cast<Eigen::Index>(i);
      const Shape& lies = shape(*rows[i]);
      problem.offset[at] = lies.nvlinks * nvlink_s;
      problem.features(at, 0) = std::max(0.0, lies.latency_s - lies.nvlinks * first_nvlink_s_);
      if (node_limits && !through_one_nic(lies)) {
        problem.features(at, 2) = lies.node_share * rows[i]->bytes;
      } else {
        problem.features(at, 1) =
            std::max(rows[i]->bytes + nic.ramp_bytes, lies.nic_share * rows[i]->bytes);
      }
      problem.measured[at] = rows[i]->seconds;
    }
    return problem;
  }

  Status fit_between() {
    HSAP_TRY(const Rows rows,
             rows_where("between nodes", [](const Shape& at) { return at.inter_node; }));
    if (rows.empty()) {
      keep("nic", "no rounds between nodes: kept from the base cluster");
      return {};
    }
    const auto one = std::count_if(rows.begin(), rows.end(), [&](const TransferRow* row) {
      return through_one_nic(shape(*row));
    });
    const bool single = one > 0;
    bool many = static_cast<std::size_t>(one) < rows.size();
    if (!many)
      keep("network.node_bandwidth_bytes_per_s", "never more than one NIC of a node at work");
    Problem problem = between_problem(rows, many);
    keep_untold(rows, "nic", problem);
    if (!single) problem.keep(1);
    if (!many) problem.keep(2);
    problem.solve_with_latency();
    if (single && many && !node_limits(rows, problem)) {
      many = false;
      keep("network.node_bandwidth_bytes_per_s", "the NICs of a node do not limit each other");
      set(out_, "network.node_bandwidth_bytes_per_s", out_.spec.node_bandwidth_bytes_per_s, 0);
      problem = between_problem(rows, false);
      problem.solve_with_latency();
    }
    if (!single) {
      keep("nic.bandwidth_bytes_per_s",
           fmt::format("{} at once between nodes: one alone is not determined, "
                       "network.node_bandwidth_bytes_per_s is",
                       most_at_once(rows)));
    }
    set_latencies(problem.values[0]);
    if (problem.fitted[1]) set_nic(1 / problem.values[1]);
    if (problem.fitted[2] && many) set_node(rows, 1 / problem.values[2]);
    tell_sources(rows, single, many);
    return {};
  }

  [[nodiscard]] double most_at_once(const Rows& rows) const {
    double most = 0;
    for (const TransferRow* row : rows) most = std::max(most, shape(*row).node_share);
    return most;
  }

  /// Whether the NICs together carry less than one by one.
  [[nodiscard]] bool node_limits(const Rows& rows, const Problem& problem) const {
    double nics = 1;
    for (const TransferRow* row : rows) {
      nics = std::max(nics, shape(*row).node_share / shape(*row).nic_share);
    }
    return 1 / problem.values[2] < unlimited_share * nics / problem.values[1];
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
  void set_node(const Rows& rows, double bytes_per_s) {
    set(out_, "network.node_bandwidth_bytes_per_s", out_.spec.node_bandwidth_bytes_per_s,
        bytes_per_s);
    double nics = 1;
    for (const TransferRow* row : rows) {
      nics = std::max(nics, shape(*row).node_share / shape(*row).nic_share);
    }
    if (curve_of(out_.spec, LinkClass::nic).bandwidth_bytes_per_s < bytes_per_s / nics) {
      set_nic(bytes_per_s / nics);
    }
  }

  void tell_sources(const Rows& rows, bool single, bool many) {
    const std::string from = source_of(rows);
    if (single) set_source(out_.spec, "nic", "fitted to " + from);
    if (many) {
      set_source(out_.spec, "network.node_bandwidth",
                 fmt::format("fitted to {}, up to {} at once", from, most_at_once(rows)));
    }
    set_source(out_.spec, "latencies between nodes",
               "those of pcie, nic and fabric scaled together to fit " + from);
  }

  /// "123 rounds of a.csv and b.csv".
  [[nodiscard]] std::string source_of(const Rows& rows) const {
    std::set<std::size_t> files;
    for (const TransferRow* row : rows) files.insert(row->place.file);
    return fmt::format("{} rounds of {}", rows.size(), file_names(data_, files));
  }

  /// What the numbers of a kind of link now rest on.
  void tell_ranges() {
    ClusterSpec::Calibrated& known = out_.spec.calibrated;
    ClusterSpec::Calibrated found;
    for (const TransferRow& row : data_.transfers) {
      if (row.bytes < min_fitted_bytes) continue;
      const bool between = shape(row).inter_node;
      widen(between ? found.network_message_bytes : found.node_message_bytes, row.bytes);
      if (between) widen(found.nodes, out_.nodes);
    }
    if (found.node_message_bytes) known.node_message_bytes = found.node_message_bytes;
    if (found.nodes) {
      known.network_message_bytes = found.network_message_bytes;
      known.nodes = found.nodes;
    }
  }

  Status add_points() {
    HSAP_TRY(const Cluster cluster, Cluster::build(out_.spec, out_.nodes));
    for (const TransferRow& row : data_.transfers) {
      if (row.bytes < min_fitted_bytes) continue;
      const Pattern& pattern = data_.patterns[row.pattern];
      const std::size_t at_once = pattern.transfers.size();
      Point point;
      point.kind = "links";
      point.group =
          fmt::format("{}, {} at once, {}", shape(row).inter_node ? "inter-node" : "intra-node",
                      at_once, row.bytes < large_bytes ? "64 KB to 1 MB" : "1 MB and more");
      point.label = fmt::format("{}, {}", format_bytes(row.bytes), pattern.name);
      point.size = row.bytes;
      point.measured_s = row.seconds;
      point.fitted_s = round_seconds(cluster, pattern, row.bytes);
      out_.points.push_back(std::move(point));
    }
    return {};
  }

  const Data& data_;
  Calibration& out_;
  std::vector<Shape> shapes_;                                                 ///< by pattern
  double first_nvlink_s_ = curve_of(out_.spec, LinkClass::nvlink).latency_s;  ///< of the base
};

}  // namespace

Status fit_links(const Data& data, Calibration& out) {
  if (data.transfers.empty()) {
    out.undetermined.push_back({"links", "no transfers: kept from the base cluster"});
    if (out.nodes == 0) out.nodes = 1;
    return {};
  }
  return LinkFit(data, out).run();
}

}  // namespace hsap::fit
