#include "validate/cases/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace hsap::cases {
namespace {

int sign(double x) { return (x > 0) - (x < 0); }

/// Of ascending numbers; share from 0 to 1, rounded up to a member.
double percentile(const std::vector<double>& sorted, double share) {
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

double median_of(const std::vector<double>& sorted) {
  const std::size_t n = sorted.size();
  return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

}  // namespace

double kendall_tau(std::span<const double> a, std::span<const double> b) {
  double agreement = 0;
  double untied_a = 0;
  double untied_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const int order_a = sign(a[i] - a[j]);
      const int order_b = sign(b[i] - b[j]);
      agreement += order_a * order_b;
      untied_a += order_a != 0;
      untied_b += order_b != 0;
    }
  }
  return agreement / std::sqrt(untied_a * untied_b);
}

Statistics statistics(const std::string& group, std::span<const Outcome> outcomes) {
  Statistics out;
  out.group = group;
  out.cases = outcomes.size();
  std::vector<double> absolute, measured, predicted;
  for (const Outcome& outcome : outcomes) {
    absolute.push_back(std::abs(outcome.error()));
    out.mape += absolute.back();
    out.bias += outcome.error();
    measured.push_back(outcome.item->measured_s);
    predicted.push_back(outcome.predicted_s);
  }
  out.mape /= static_cast<double>(out.cases);
  out.bias /= static_cast<double>(out.cases);
  std::sort(absolute.begin(), absolute.end());
  out.median = median_of(absolute);
  out.p90 = percentile(absolute, 0.9);
  out.tau = kendall_tau(measured, predicted);
  return out;
}

std::vector<Statistics> by_group(std::span<const Outcome> outcomes) {
  std::vector<std::string> groups;
  for (const Outcome& outcome : outcomes) {
    if (std::find(groups.begin(), groups.end(), outcome.item->group) == groups.end()) {
      groups.push_back(outcome.item->group);
    }
  }
  std::vector<Statistics> out;
  for (const std::string& group : groups) {
    std::vector<Outcome> members;
    std::copy_if(outcomes.begin(), outcomes.end(), std::back_inserter(members),
                 [&](const Outcome& outcome) { return outcome.item->group == group; });
    out.push_back(statistics(group, members));
  }
  out.push_back(statistics("all", outcomes));
  return out;
}

}  // namespace hsap::cases
