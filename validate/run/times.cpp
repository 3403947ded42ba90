#include "validate/run/times.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace hsap::validation {
namespace {

double sum(const std::vector<OperationTimes>& operations, double OperationTimes::*member) {
  return std::accumulate(operations.begin(), operations.end(), 0.0,
                         [&](double total, const auto& each) { return total + each.*member; });
}

/// Mean of `share` over the operations that took any time; 0 when none did.
template <typename Share>
double mean(const std::vector<OperationTimes>& operations, Share share) {
  double total = 0;
  int counted = 0;
  for (const OperationTimes& each : operations) {
    if (each.measured_s <= 0) continue;
    total += share(each);
    ++counted;
  }
  return counted == 0 ? 0 : total / counted;
}

}  // namespace

double KindTimes::predicted_s() const { return sum(operations, &OperationTimes::predicted_s); }
double KindTimes::measured_s() const { return sum(operations, &OperationTimes::measured_s); }

double KindTimes::mean_error() const {
  return mean(operations, [](const OperationTimes& each) {
    return std::abs(each.predicted_s / each.measured_s - 1);
  });
}

double KindTimes::mean_spread() const {
  return mean(operations,
              [](const OperationTimes& each) { return each.spread_s / each.measured_s; });
}

PassTimes compare_times(const Schedule& schedule, const Execution& execution, Timeline predicted) {
  std::vector<double> seconds(schedule.operations.size());
  for (const Span& span : predicted.spans) seconds[span.operation] = span.end_s - span.begin_s;
  std::map<Kind, KindTimes> kinds;
  for (const OperationTime& time : execution.times) {
    KindTimes& kind = kinds[schedule.operations[time.operation].kind];
    kind.operations.push_back(
        {time.operation, seconds[time.operation], time.seconds, time.spread_s});
  }
  PassTimes times{std::move(predicted), measured(execution), 0, 0, 0, {}};
  for (auto& [kind, list] : kinds) {
    list.kind = kind;
    times.kinds.push_back(std::move(list));
  }
  std::vector<double> runs = execution.run_s;
  std::sort(runs.begin(), runs.end());
  times.repeats = static_cast<int>(runs.size());
  times.measured_s = runs[runs.size() / 2];
  times.spread_s = runs.back() - runs.front();
  return times;
}

}  // namespace hsap::validation
