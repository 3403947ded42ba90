#pragma once

#include <string>
#include <vector>

#include "cost/measurements/data.hpp"
#include "hsap/cluster.hpp"

/// Fits the numbers of a cluster to measurements. The model is that of the simulator
/// (docs/cost-model.md, docs/simulation.md); docs/calibration.md says what is fitted to what.
namespace hsap::fit {

/// A number of the cluster file that the measurements determine.
struct Number {
  std::string path;  ///< "nvlink.bandwidth_bytes_per_s"
  double before = 0;
  double after = 0;
};

/// A number that stays as it was although there are measurements, or for want of them.
struct Undetermined {
  std::string what;
  std::string why;
};

/// One row of the tables against the fitted cluster.
struct Point {
  std::string kind;   ///< "kernels", "copies" or "links"
  std::string group;  ///< what is told together: "backward, 32 heads, causal"
  std::string label;  ///< the row in a few words
  double size = 0;    ///< tokens of the longer side, or bytes of a kernel or message
  double measured_s = 0;
  double fitted_s = 0;
  [[nodiscard]] double error() const { return fitted_s / measured_s - 1; }
};

/// How well a group fits.
struct Group {
  std::string kind;
  std::string name;
  std::size_t rows = 0;
  double mape = 0;   ///< mean of the absolute relative errors
  double worst = 0;  ///< the largest one, with its sign
  std::string worst_label;
  double bias = 0;  ///< mean of the relative errors
};

struct Calibration {
  ClusterSpec spec;  ///< the base with the fitted numbers and their sources
  int nodes = 1;     ///< of the cluster that was measured
  std::vector<Number> numbers;
  std::vector<Undetermined> undetermined;
  std::vector<Point> points;  ///< in the order of the tables
};

/// Fewer rows than this say nothing about a pass or a kind of link.
inline constexpr std::size_t min_rows = 4;

/// Fits everything that `data` has rows for. `nodes` 0: as many as the transfers name. Errors: a
/// rate above what the hardware can do, too few rows, GPUs that the cluster does not have.
[[nodiscard]] Result<Calibration> calibrate(const ClusterSpec& base, int nodes, const Data& data);

/// The groups of the points, in the order in which they first appear.
[[nodiscard]] std::vector<Group> groups_of(const std::vector<Point>& points);

}  // namespace hsap::fit
