#include "cost/calibrate/calibrate.hpp"

#include <algorithm>
#include <cmath>

#include "cost/calibrate/copies.hpp"
#include "cost/calibrate/kernels.hpp"
#include "cost/calibrate/links.hpp"

namespace hsap::fit {

Result<Calibration> calibrate(const ClusterSpec& base, int nodes, const Data& data) {
  Calibration out;
  out.spec = base;
  out.nodes = nodes;
  HSAP_CHECK(fit_kernels(data, out));
  HSAP_CHECK(fit_copies(data, out));
  HSAP_CHECK(fit_links(data, out));
  for (const std::string& what : data.unused) out.undetermined.push_back({"nothing", what});
  return out;
}

std::vector<Group> groups_of(const std::vector<Point>& points) {
  std::vector<Group> groups;
  for (const Point& point : points) {
    auto group = std::find_if(groups.begin(), groups.end(), [&](const Group& known) {
      return known.kind == point.kind && known.name == point.group;
    });
    if (group == groups.end()) {
      group = groups.emplace(group);
      group->kind = point.kind;
      group->name = point.group;
    }
    ++group->rows;
    group->mape += std::abs(point.error());
    group->bias += point.error();
    if (std::abs(point.error()) <= std::abs(group->worst)) continue;
    group->worst = point.error();
    group->worst_label = point.label;
  }
  for (Group& group : groups) {
    group.mape /= static_cast<double>(group.rows);
    group.bias /= static_cast<double>(group.rows);
  }
  return groups;
}

}  // namespace hsap::fit
