#include "cost/calibrate/kernels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <tuple>

#include "base/units.hpp"
#include "cost/attention.hpp"
#include "cost/calibrate/descent.hpp"
#include "cost/calibrate/record.hpp"

namespace hsap::fit {
namespace {

using Values = Eigen::VectorXd;
enum Constant : Eigen::Index { rate, overhead, launch, lone, fixed, of_rows, constants };
constexpr std::array<const char*, constants> names{"flop_per_s",  "block_overhead_s",
                                                   "launch_s",    "lone_block_rate",
                                                   "fixed_share", "overhead_row_share"};
/// Shortest and longest launches: a longer one would hide work that grows with the tokens. The
/// backward pass is several kernels.
constexpr double shortest_forward_s = 3e-6;
constexpr double shortest_backward_s = 8e-6;
constexpr double longest_launch_s = 20e-6;
/// Of a tile's time, what may not shrink with head_dim.
constexpr double least_fixed = 1e-3;
constexpr double most_fixed = 0.9;
/// Of a block's overhead, what goes with its rows.
constexpr double least_of_rows = 1e-3;
constexpr double most_of_rows = 1;
/// A constant that changes no row by this much over all that it may be is not determined.
constexpr double felt = 0.02;
/// Block overheads that this is looked at with: of persistent kernels and of short blocks. They do
/// not depend on the base cluster, whose own may be too short for any row to feel.
constexpr double least_probed_s = 1e-7;
constexpr double most_probed_s = 4e-6;

/// A table whose fastest row takes so many times what the device would at its peak is in other
/// units.
constexpr double slowest = 300;

const char* name_of(Pass pass) { return pass == Pass::forward ? "forward" : "backward"; }

AttentionKernel& kernel_of(Device& device, Pass pass) {
  return pass == Pass::forward ? device.forward : device.backward;
}

/// The first of the row's equal documents.
Slice document_of(const KernelRow& row) {
  const std::int64_t documents = row.documents();
  return {make_interval(0, static_cast<Token>(row.queries / documents)),
          make_interval(0, static_cast<Token>(row.keys / documents)),
          row.causal ? SliceKind::causal : SliceKind::full};
}

double flop_of(const KernelRow& row) {
  return attention_flop(row.documents() * area(document_of(row)), row.heads, row.head_dim,
                        row.pass);
}

Status check_rates(const Data& data, const Device& device) {
  for (const KernelRow& row : data.kernels) {
    if (row.causal && row.queries > row.keys) {
      return data.error_at(row.place, "a causal row with more queries than keys",
                           fmt::format("{} > {}", row.queries, row.keys), "kv_len >= q_len");
    }
    const double reached = flop_of(row) / row.seconds;
    if (reached <= device.peak_flop_per_s) continue;
    return data.error_at(
        row.place, "faster than the device can compute",
        fmt::format("{:.4g} TFLOP/s", reached * 1e-12),
        fmt::format("at most {:g} (peak_flop_per_s), time in us", device.peak_flop_per_s * 1e-12));
  }
  return {};
}

/// Times in nanoseconds make every row a thousand times too slow, which a fit would take for a slow
/// device.
Status check_units(const Data& data, const Device& device) {
  const KernelRow* best = nullptr;
  double least = 0;
  for (const KernelRow& row : data.kernels) {
    const double times = row.seconds / (shortest_forward_s + flop_of(row) / device.peak_flop_per_s);
    if (best != nullptr && times >= least) continue;
    best = &row;
    least = times;
  }
  if (least <= slowest) return {};
  return data.error_at(best->place, "slower than any kernel, as all other rows are",
                       fmt::format("{:.0f} times the time at peak_flop_per_s", least),
                       fmt::format("at most {:g} in the fastest row, time in us", slowest));
}

/// The kernel of one pass and the rows that tell of it.
class PassFit {
 public:
  PassFit(const Data& data, Pass pass, Calibration& out) : data_(data), pass_(pass), out_(out) {
    for (const KernelRow& row : data.kernels) {
      if (row.pass == pass && std::max(row.queries, row.keys) >= min_fitted_tokens) {
        rows_.push_back(&row);
      }
    }
  }

  Status run() {
    const bool any = std::any_of(data_.kernels.begin(), data_.kernels.end(),
                                 [&](const KernelRow& row) { return row.pass == pass_; });
    if (!any) {
      keep("", "no rows of this pass: kept from the base cluster");
      return {};
    }
    if (kinds() < min_rows) return too_few();
    const Bounded limits = bounds();
    Values best = values();
    double least = loss(best);
    for (const Values& start : starts()) {
      const Values found = descend([&](const Values& at) { return errors(at); }, limits, start);
      if (loss(found) >= least) continue;
      best = found;
      least = loss(found);
    }
    keep_values(best, limits);
    tell_kept();
    return {};
  }

 private:
  void keep(const std::string& what, const std::string& why) {
    fit::keep(out_, fmt::format("device.{}{}", name_of(pass_), what), why);
  }

  /// Rows that differ in what was timed: a row said twice tells nothing new.
  [[nodiscard]] std::size_t kinds() const {
    const auto what = [](const KernelRow& row) {
      return std::tuple(row.queries, row.keys, row.heads, row.head_dim, row.causal, row.document);
    };
    std::set<decltype(what(*rows_.front()))> found;
    for (const KernelRow* row : rows_) found.insert(what(*row));
    return found.size();
  }

  [[nodiscard]] Error too_few() const {
    const auto row = std::find_if(data_.kernels.begin(), data_.kernels.end(),
                                  [&](const KernelRow& any) { return any.pass == pass_; });
    return data_.error_at({row->place.file, 0},
                          fmt::format("too few different {} rows of {} tokens and more",
                                      name_of(pass_), min_fitted_tokens),
                          std::to_string(kinds()), fmt::format("at least {}", min_rows));
  }

  [[nodiscard]] bool one_head_dim() const {
    const int dim = rows_.front()->head_dim;
    return std::all_of(rows_.begin(), rows_.end(),
                       [&](const KernelRow* row) { return row->head_dim == dim; });
  }

  static Values vector_of(const std::array<double, constants>& of) {
    return Eigen::Map<const Values>(of.data(), constants);
  }

  [[nodiscard]] Values values() const {
    Device device = out_.spec.device;
    const AttentionKernel& kernel = kernel_of(device, pass_);
    return vector_of({kernel.flop_per_s, kernel.block_overhead_s, kernel.launch_s,
                      kernel.lone_block_rate, kernel.fixed_share, kernel.overhead_row_share});
  }

  [[nodiscard]] Device device_with(const Values& at) const {
    Device device = out_.spec.device;
    AttentionKernel& kernel = kernel_of(device, pass_);
    kernel.flop_per_s = at[rate];
    kernel.block_overhead_s = at[overhead];
    kernel.launch_s = at[launch];
    kernel.lone_block_rate = at[lone];
    kernel.fixed_share = at[fixed];
    kernel.overhead_row_share = at[of_rows];
    return device;
  }

  /// Logarithms of fitted over measured.
  [[nodiscard]] Values errors(const Values& at) const {
    const Device device = device_with(at);
    Values out(static_cast<Eigen::Index>(rows_.size()));
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      out[static_cast<Eigen::Index>(i)] =
          std::log(seconds_of(*rows_[i], device) / rows_[i]->seconds);
    }
    return out;
  }

  [[nodiscard]] double loss(const Values& at) const { return errors(at).cwiseAbs().mean(); }

  /// FLOP per second of the fastest row: whole tiles cannot be slower.
  [[nodiscard]] double fastest() const {
    double most = 0;
    for (const KernelRow* row : rows_) most = std::max(most, flop_of(*row) / row->seconds);
    return most;
  }

  /// Where to begin: as it is, and as the fastest row says with blocks that cost little or much.
  [[nodiscard]] std::vector<Values> starts() const {
    std::vector<Values> out{values()};
    for (const double overhead_s : {1e-6, 4e-6, 16e-6}) {
      for (const double lone_rate : {0.5, 0.8, 1.0}) {
        out.push_back(
            vector_of({1.03 * fastest(), overhead_s, 1e-5, lone_rate, values()[fixed], 0.5}));
      }
    }
    return out;
  }

  /// What the rows do not feel stays as it is.
  [[nodiscard]] Bounded bounds() {
    const double shortest = pass_ == Pass::forward ? shortest_forward_s : shortest_backward_s;
    Bounded out{vector_of({fastest() / 2, 1e-8, shortest, 0.05, least_fixed, least_of_rows}),
                vector_of({out_.spec.device.peak_flop_per_s, 1e-4, longest_launch_s, 1, most_fixed,
                           most_of_rows})};
    const Values base = out.clamped(values());
    if (one_head_dim()) {
      out.low[fixed] = out.high[fixed] = values()[fixed];
      keep(".fixed_share", fmt::format("only head_dim {}: kept", rows_.front()->head_dim));
    }
    const Values least =
        vector_of({out.low[rate], least_probed_s, shortest, 0.5, least_fixed, least_of_rows});
    const Values most =
        vector_of({out.high[rate], most_probed_s, longest_launch_s, 1, most_fixed, most_of_rows});
    for (Eigen::Index c = 0; c < constants; ++c) {
      if (out.low[c] == out.high[c]) continue;
      Values less = base;
      Values more = base;
      if (c == of_rows) less[overhead] = more[overhead] = most_probed_s;
      less[c] = least[c];
      more[c] = most[c];
      if ((errors(more) - errors(less)).cwiseAbs().maxCoeff() >= felt) continue;
      out.low[c] = out.high[c] = values()[c];
      keep(fmt::format(".{}", names[static_cast<std::size_t>(c)]),
           c == lone ? "no row with fewer thread blocks than multiprocessors: kept"
                     : "changes no row by 2 %: kept");
    }
    return out;
  }

  void keep_values(const Values& found, const Bounded& limits) {
    AttentionKernel& kernel = kernel_of(out_.spec.device, pass_);
    const std::array<double*, constants> places{&kernel.flop_per_s,  &kernel.block_overhead_s,
                                                &kernel.launch_s,    &kernel.lone_block_rate,
                                                &kernel.fixed_share, &kernel.overhead_row_share};
    for (Eigen::Index c = 0; c < constants; ++c) {
      if (limits.low[c] == limits.high[c]) continue;
      const auto at = static_cast<std::size_t>(c);
      set(out_, fmt::format("device.{}.{}", name_of(pass_), names[at]), *places[at], found[c]);
    }
    std::set<std::size_t> files;
    for (const KernelRow* row : rows_) files.insert(row->place.file);
    set_source(out_.spec, fmt::format("attention {}", name_of(pass_)),
               fmt::format("fitted to {} rows of {}", rows_.size(), file_names(data_, files)));
  }

  /// Constants that no fit touches.
  void tell_kept() {
    const AttentionKernel& kernel = kernel_of(out_.spec.device, pass_);
    const bool whole = std::all_of(rows_.begin(), rows_.end(), [&](const KernelRow* row) {
      const std::int64_t documents = row->documents();
      return row->queries / documents % kernel.tile_query == 0 &&
             row->keys / documents % kernel.tile_key == 0;
    });
    keep(".ragged_slowdown", whole ? "only lengths of whole tiles: kept" : "not fitted: kept");
  }

  const Data& data_;
  Pass pass_;
  Calibration& out_;
  std::vector<const KernelRow*> rows_;
};

void add_kernel_points(const Data& data, Calibration& out) {
  for (const KernelRow& row : data.kernels) {
    const std::int64_t longer = std::max(row.queries, row.keys);
    Point point;
    point.kind = "kernels";
    point.group = fmt::format("{}, {} {}, {}{}{}", name_of(row.pass), row.heads,
                              row.heads == 1 ? "head" : "heads", row.causal ? "causal" : "full",
                              row.document > 0 ? ", packed" : "",
                              longer < min_fitted_tokens ? ", below 256 tokens" : "");
    point.label = fmt::format(
        "{} x {}, head_dim {}{}", format_size(row.queries), format_size(row.keys), row.head_dim,
        row.document > 0 ? fmt::format(", documents of {}", format_size(row.document)) : "");
    point.size = static_cast<double>(longer);
    point.measured_s = row.seconds;
    point.fitted_s = seconds_of(row, out.spec.device);
    out.points.push_back(std::move(point));
  }
}

/// What the numbers now rest on. Tokens are those of a document: a kernel of many is the sum.
void tell_ranges(const Data& data, ClusterSpec::Calibrated& known) {
  known.tokens = known.heads = known.head_dim = {};
  for (const KernelRow& row : data.kernels) {
    if (std::max(row.queries, row.keys) < min_fitted_tokens) continue;
    const Slice document = document_of(row);
    widen(known.tokens, document.query.size());
    widen(known.tokens, document.key.size());
    widen(known.heads, row.heads);
    widen(known.head_dim, row.head_dim);
  }
}

}  // namespace

Status fit_kernels(const Data& data, Calibration& out) {
  if (data.kernels.empty()) {
    keep(out, "device", "no kernels: kept from the base cluster");
    return {};
  }
  HSAP_CHECK(check_rates(data, out.spec.device));
  HSAP_CHECK(check_units(data, out.spec.device));
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    HSAP_CHECK(PassFit(data, pass, out).run());
  }
  const auto backward = [](const KernelRow& row) { return row.pass == Pass::backward; };
  const auto rows = static_cast<std::ptrdiff_t>(data.kernels.size());
  const auto backwards = std::count_if(data.kernels.begin(), data.kernels.end(), backward);
  if (backwards > 0 && backwards < rows) {  // one line of old stood for both passes
    std::erase_if(out.spec.sources,
                  [](const std::string& line) { return line.starts_with("attention:"); });
  }
  tell_ranges(data, out.spec.calibrated);
  add_kernel_points(data, out);
  return {};
}

std::vector<Slice> slices_of(const KernelRow& row) {
  const auto [query, key, kind] = document_of(row);
  std::vector<Slice> slices;
  slices.reserve(static_cast<std::size_t>(row.documents()));
  for (Token i = 0; i < row.documents(); ++i) {
    slices.push_back({make_interval(i * query.size(), (i + 1) * query.size()),
                      make_interval(i * key.size(), (i + 1) * key.size()), kind});
  }
  return slices;
}

double seconds_of(const KernelRow& row, const Device& device) {
  const Slice document = document_of(row);
  return packed_attention_time({&document, 1}, row.documents(), row.heads, row.head_dim, row.pass,
                               device)
      .seconds;
}

}  // namespace hsap::fit
