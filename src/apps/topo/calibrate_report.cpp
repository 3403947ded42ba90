#include "apps/topo/calibrate_report.hpp"

#include <fmt/format.h>

#include "cli/table.hpp"
#include "export/json/cluster.hpp"

namespace hsap::apps {
namespace {

using cli::heading;
using cli::right;
using cli::Style;
using cli::Table;

std::string numbers_table(const fit::Calibration& found, bool color) {
  Table table({{"number"}, {"before", right}, {"fitted", right}});
  for (const fit::Number& number : found.numbers) {
    table.add({number.path, fmt::format("{:g}", number.before), fmt::format("{:g}", number.after)});
  }
  return heading("Fitted", color) + table.text(color);
}

std::string groups_table(const fit::Calibration& found, bool color) {
  Table table(
      {{""}, {"rows", right}, {"MAPE", right}, {"bias", right}, {"worst", right}, {"worst row"}});
  for (const fit::Group& group : fit::groups_of(found.points)) {
    table.add({group.name, std::to_string(group.rows), fmt::format("{:.1f} %", 100 * group.mape),
               fmt::format("{:+.1f} %", 100 * group.bias),
               fmt::format("{:+.1f} %", 100 * group.worst), group.worst_label});
  }
  return heading("Fitted against measured", color) + table.text(color);
}

std::string undetermined_list(const fit::Calibration& found, bool color) {
  if (found.undetermined.empty()) return {};
  std::string out = heading("Not determined", color);
  for (const fit::Undetermined& item : found.undetermined) {
    out += fmt::format("  {}: {}\n", item.what, item.why);
  }
  return out;
}

json::Ordered groups_json(const fit::Calibration& found) {
  json::Ordered out = json::Ordered::array();
  for (const fit::Group& group : fit::groups_of(found.points)) {
    out.push_back({{"kind", group.kind},
                   {"name", group.name},
                   {"rows", group.rows},
                   {"mape", group.mape},
                   {"bias", group.bias},
                   {"worst", group.worst},
                   {"worst_row", group.worst_label}});
  }
  return out;
}

json::Ordered points_json(const fit::Calibration& found) {
  json::Ordered out = json::Ordered::array();
  for (const fit::Point& point : found.points) {
    out.push_back({{"kind", point.kind},
                   {"group", point.group},
                   {"row", point.label},
                   {"size", point.size},
                   {"measured_s", point.measured_s},
                   {"fitted_s", point.fitted_s}});
  }
  return out;
}

}  // namespace

std::string calibration_report(const fit::Calibration& found, bool color) {
  return fmt::format("{}: {} numbers fitted to {} rows\n",
                     cli::styled(found.spec.name, Style::bold, color), found.numbers.size(),
                     found.points.size()) +
         numbers_table(found, color) + groups_table(found, color) + undetermined_list(found, color);
}

json::Ordered calibration_json(const ClusterSpec& base, const fit::Calibration& found) {
  json::Ordered numbers = json::Ordered::array();
  for (const fit::Number& number : found.numbers) {
    numbers.push_back({{"path", number.path}, {"before", number.before}, {"fitted", number.after}});
  }
  json::Ordered undetermined = json::Ordered::array();
  for (const fit::Undetermined& item : found.undetermined) {
    undetermined.push_back({{"what", item.what}, {"why", item.why}});
  }
  return {{"schema", "hsap.calibration/1"},
          {"base", base.name},
          {"nodes", found.nodes},
          {"numbers", std::move(numbers)},
          {"undetermined", std::move(undetermined)},
          {"groups", groups_json(found)},
          {"rows", points_json(found)},
          {"cluster", to_json(found.spec)}};
}

}  // namespace hsap::apps
