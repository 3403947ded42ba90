#include "validate/run/report_times.hpp"

#include <fmt/format.h>

#include "cli/table.hpp"

namespace hsap::validation {
namespace {

using cli::Table;

std::string milliseconds(double seconds) { return fmt::format("{:.3f} ms", 1e3 * seconds); }

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

/// Against what was measured; nothing when that took no time.
std::string error(double predicted_s, double measured_s) {
  if (measured_s <= 0) return "-";
  return fmt::format("{:+.1f} %", 100 * (predicted_s / measured_s - 1));
}

void add_pass(Table& table, const Schedule& schedule, const PassTimes& times) {
  const std::string pass(to_string(schedule.pass));
  for (const KindTimes& kind : times.kinds) {
    table.add({pass, std::string(to_string(kind.kind)), std::to_string(kind.operations.size()),
               milliseconds(kind.predicted_s()), milliseconds(kind.measured_s()),
               error(kind.predicted_s(), kind.measured_s()), percent(kind.mean_error()),
               percent(kind.mean_spread())});
  }
  const double spread = times.measured_s > 0 ? times.spread_s / times.measured_s : 0;
  table.add({pass, "total", std::to_string(schedule.operations.size()),
             milliseconds(times.predicted.seconds), milliseconds(times.measured_s),
             error(times.predicted.seconds, times.measured_s), "", percent(spread)},
            cli::Style::bold);
}

json::Ordered json_of(const KindTimes& kind, const Schedule& schedule) {
  json::Ordered operation = json::Ordered::array();
  json::Ordered rank = json::Ordered::array();
  json::Ordered predicted = json::Ordered::array();
  json::Ordered measured = json::Ordered::array();
  json::Ordered spread = json::Ordered::array();
  for (const OperationTimes& each : kind.operations) {
    operation.push_back(each.operation);
    rank.push_back(schedule.operations[each.operation].rank);
    predicted.push_back(each.predicted_s);
    measured.push_back(each.measured_s);
    spread.push_back(each.spread_s);
  }
  return {{"kind", to_string(kind.kind)},
          {"predicted_s", kind.predicted_s()},
          {"measured_s", kind.measured_s()},
          {"mean_error", kind.mean_error()},
          {"mean_spread", kind.mean_spread()},
          {"operations",
           {{"operation", std::move(operation)},
            {"rank", std::move(rank)},
            {"predicted_s", std::move(predicted)},
            {"measured_s", std::move(measured)},
            {"spread_s", std::move(spread)}}}};
}

}  // namespace

std::string times_text(const Validation& validation, bool color) {
  Table table({{"pass"},
               {"kind"},
               {"operations", Table::Align::right},
               {"predicted", Table::Align::right},
               {"measured", Table::Align::right},
               {"error", Table::Align::right},
               {"mean error", Table::Align::right},
               {"spread", Table::Align::right}});
  int repeats = 0;
  for (const PassRun& run : validation.passes) {
    if (!run.times) continue;
    add_pass(table, run.schedule, *run.times);
    repeats = run.times->repeats;
  }
  if (table.empty()) return {};
  return fmt::format("  times predicted: {}; measured: median of {} runs\n",
                     validation.machine->text(), repeats) +
         table.text(color);
}

json::Ordered to_json(const PassTimes& times, const Schedule& schedule) {
  json::Ordered kinds = json::Ordered::array();
  for (const KindTimes& kind : times.kinds) kinds.push_back(json_of(kind, schedule));
  return {{"predicted_s", times.predicted.seconds},
          {"measured_s", times.measured_s},
          {"spread_s", times.spread_s},
          {"repeats", times.repeats},
          {"kinds", std::move(kinds)}};
}

}  // namespace hsap::validation
