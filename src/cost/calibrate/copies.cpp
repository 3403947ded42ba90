#include "cost/calibrate/copies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

#include "base/units.hpp"
#include "cost/calibrate/least_squares.hpp"
#include "cost/calibrate/record.hpp"

namespace hsap::fit {
namespace {

/// Kernels of so many bytes and more tell the rate, ...
constexpr double copy_rate_bytes = 64 << 20;
/// ... of so many and less the launch: they take a few microseconds.
constexpr double copy_launch_bytes = 8 << 20;
/// The fastest of those that tell the rate: less is a table in other units.
constexpr double least_bytes_per_s = 10e9;

Status check_rates(const Data& data) {
  for (const CopyRow& row : data.copies) {
    const double rate = row.bytes / row.seconds;
    if (rate <= max_memory_bytes_per_s) continue;
    return data.error_at(
        row.place, "faster than any memory", format_rate(rate),
        "at most " + format_rate(max_memory_bytes_per_s) + "; bytes read and written, time in us");
  }
  if (data.copies.size() >= min_rows) return {};
  return data.error_at({data.copies.front().place.file, 0}, "too few kernels that move rows",
                       std::to_string(data.copies.size()), fmt::format("at least {}", min_rows));
}

/// Times in nanoseconds make memory a thousand times slower, but none of a GPU is so slow.
Status check_fastest(const Data& data) {
  const CopyRow* best = nullptr;
  const auto rate = [](const CopyRow& row) { return row.bytes / row.seconds; };
  for (const CopyRow& row : data.copies) {
    if (row.bytes < copy_rate_bytes) continue;
    if (best == nullptr || rate(row) > rate(*best)) best = &row;
  }
  if (best == nullptr || rate(*best) >= least_bytes_per_s) return {};
  return data.error_at(best->place, "slower than the memory of any GPU, as all other rows are",
                       format_rate(rate(*best)),
                       fmt::format("at least {} in the fastest; bytes read and written, time in us",
                                   format_rate(least_bytes_per_s)));
}

bool smaller(const CopyRow& a, const CopyRow& b) { return a.bytes < b.bytes; }

double least_bytes(const Data& data) {
  return std::min_element(data.copies.begin(), data.copies.end(), smaller)->bytes;
}

double most_bytes(const Data& data) {
  return std::max_element(data.copies.begin(), data.copies.end(), smaller)->bytes;
}

/// Columns: launch, seconds a byte. Of the rows of `least_bytes` and more.
LeastSquares problem_of(const Data& data, double least_bytes, const Device& device) {
  std::vector<const CopyRow*> rows;
  for (const CopyRow& row : data.copies) {
    if (row.bytes >= least_bytes) rows.push_back(&row);
  }
  LeastSquares problem(rows.size(), Eigen::Vector2d(device.kernel_launch_s,
                                                    1 / device.memory_bandwidth_bytes_per_s));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto at = static_cast<Eigen::Index>(i);
    problem.features(at, 0) = 1;
    problem.features(at, 1) = rows[i]->bytes;
    problem.measured[at] = rows[i]->seconds;
  }
  return problem;
}

void add_copy_points(const Data& data, Calibration& out) {
  const Device& device = out.spec.device;
  for (const CopyRow& row : data.copies) {
    Point point;
    point.kind = "copies";
    point.group = row.kernel;
    point.label = format_bytes(row.bytes);
    point.size = row.bytes;
    point.measured_s = row.seconds;
    point.fitted_s = device.kernel_launch_s + row.bytes / device.memory_bandwidth_bytes_per_s;
    out.points.push_back(std::move(point));
  }
}

void tell_source(const Data& data, Calibration& out) {
  const Device& device = out.spec.device;
  std::set<std::size_t> files;
  for (const CopyRow& row : data.copies) files.insert(row.place.file);
  set_source(out.spec, "copies",
             fmt::format("fitted to {} rows of {}: {:.2f} us and {}", data.copies.size(),
                         file_names(data, files), device.kernel_launch_s * 1e6,
                         format_rate(device.memory_bandwidth_bytes_per_s)));
}

/// Launch and rate of rows of which some tell the rate.
Result<LeastSquares> solve(const Data& data, Calibration& out) {
  const Device& device = out.spec.device;
  LeastSquares problem = problem_of(data, 0, device);
  if (least_bytes(data) > copy_launch_bytes) {
    keep(out, "device.kernel_launch_s", "no kernel of 8 MB and less: kept");
    problem.keep(0);
  }
  problem.solve();
  if (problem.values[0] <= 0) {
    keep(out, "device.kernel_launch_s", "the rows leave no time to launch: kept");
    problem = problem_of(data, copy_rate_bytes, device);
    problem.keep(0);
    problem.solve();
  }
  if (problem.values[1] > 0) return problem;
  return data.error_at({data.copies.front().place.file, 0},
                       "kernels that take no longer for more bytes",
                       fmt::format("{:.3g} s a byte", problem.values[1]), "above 0");
}

}  // namespace

Status fit_copies(const Data& data, Calibration& out) {
  if (data.copies.empty()) return {};
  HSAP_CHECK(check_rates(data));
  HSAP_CHECK(check_fastest(data));
  Device& device = out.spec.device;
  if (most_bytes(data) < copy_rate_bytes) {
    keep(out, "device.memory_bandwidth_bytes_per_s", "no kernel of 64 MB and more: kept");
  } else {
    HSAP_TRY(const LeastSquares found, solve(data, out));
    if (found.fitted[0]) {
      set(out, "device.kernel_launch_s", device.kernel_launch_s, found.values[0]);
    }
    set(out, "device.memory_bandwidth_bytes_per_s", device.memory_bandwidth_bytes_per_s,
        1 / found.values[1]);
    tell_source(data, out);
  }
  add_copy_points(data, out);
  return {};
}

}  // namespace hsap::fit
