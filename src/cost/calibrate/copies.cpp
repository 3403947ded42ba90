#include "cost/calibrate/copies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/units.hpp"
#include "cost/calibrate/record.hpp"
#include "cost/calibrate/robust.hpp"

namespace hsap::fit {
namespace {

/// Kernels of so many bytes tell the rate, smaller ones the launch.
constexpr double copy_rate_bytes = 64 << 20;
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

}  // namespace

Status fit_copies(const Data& data, Calibration& out) {
  if (data.copies.empty()) return {};
  HSAP_CHECK(check_rates(data));
  HSAP_CHECK(check_fastest(data));
  const auto rows = static_cast<Eigen::Index>(data.copies.size());
  Eigen::MatrixXd features = Eigen::MatrixXd::Ones(rows, 2);  // launch, seconds a byte
  Eigen::VectorXd measured(rows);
  double most = 0;
  std::set<std::size_t> files;
  for (Eigen::Index i = 0; i < rows; ++i) {
    const CopyRow& row = data.copies[static_cast<std::size_t>(i)];
    features(i, 1) = row.bytes;
    measured[i] = row.seconds;
    most = std::max(most, row.bytes);
    files.insert(row.place.file);
  }
  Device& device = out.spec.device;
  if (most < copy_rate_bytes) {
    keep(out, "device.memory_bandwidth_bytes_per_s", "no kernel of 64 MB and more: kept");
    add_copy_points(data, out);
    return {};
  }
  const Eigen::VectorXd found = fit_relative(features, Eigen::VectorXd::Zero(rows), measured);
  if (found[0] > 0 && found[1] > 0) {
    set(out, "device.kernel_launch_s", device.kernel_launch_s, found[0]);
    set(out, "device.memory_bandwidth_bytes_per_s", device.memory_bandwidth_bytes_per_s,
        1 / found[1]);
    set_source(out.spec, "copies",
               fmt::format("fitted to {} rows of {}: {:.2f} us and {}", rows,
                           file_names(data, files), device.kernel_launch_s * 1e6,
                           format_rate(device.memory_bandwidth_bytes_per_s)));
  } else {
    keep(out, "device.kernel_launch_s", "the rows do not tell a launch from a rate: kept");
  }
  add_copy_points(data, out);
  return {};
}

}  // namespace hsap::fit
