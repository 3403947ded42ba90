#include "validate/cases/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace hsap::cases {
namespace {

/// Of ascending numbers; share from 0 to 1, rounded up to a member.
double percentile(const std::vector<double>& sorted, double share) {
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

double median_of(const std::vector<double>& sorted) {
  const std::size_t n = sorted.size();
  return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

double pairs_of(std::size_t members) {
  const auto n = static_cast<double>(members);
  return n * (n - 1) / 2;
}

/// Pairs of equal members of a list that stand beside each other.
template <typename T>
double equal_pairs(const std::vector<T>& sorted) {
  double pairs = 0;
  for (auto begin = sorted.begin(); begin != sorted.end();) {
    const auto end = std::find_if(begin, sorted.end(), [&](const T& x) { return x != *begin; });
    pairs += pairs_of(static_cast<std::size_t>(end - begin));
    begin = end;
  }
  return pairs;
}

/// Sorts, and counts the pairs of which the larger stood first.
double sort_inverted_pairs(std::span<double> numbers) {
  if (numbers.size() < 2) return 0;
  const std::span<double> left = numbers.first(numbers.size() / 2);
  const std::span<double> right = numbers.subspan(left.size());
  double inverted = sort_inverted_pairs(left) + sort_inverted_pairs(right);
  std::size_t smaller = 0;  // members of the right half below this one of the left
  for (const double x : left) {
    while (smaller < right.size() && right[smaller] < x) ++smaller;
    inverted += static_cast<double>(smaller);
  }
  std::inplace_merge(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(left.size()),
                     numbers.end());
  return inverted;
}

}  // namespace

/// After Knight (1966): sorted by a, the pairs that disagree are the ones to be swapped to sort by
/// b. A file may hold a million cases, too many to look at each pair.
double kendall_tau(std::span<const double> a, std::span<const double> b) {
  std::vector<std::pair<double, double>> both;
  both.reserve(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) both.emplace_back(a[i], b[i]);
  std::sort(both.begin(), both.end());
  std::vector<double> first, second;
  for (const auto& [x, y] : both) {
    first.push_back(x);
    second.push_back(y);
  }
  const double disagreeing = sort_inverted_pairs(second);
  const double untied_a = pairs_of(both.size()) - equal_pairs(first);
  const double untied_b = pairs_of(both.size()) - equal_pairs(second);
  const double untied = untied_a - (equal_pairs(second) - equal_pairs(both));
  return (untied - 2 * disagreeing) / std::sqrt(untied_a * untied_b);
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
    measured.push_back(outcome.item->measured);
    predicted.push_back(outcome.predicted);
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
  std::vector<std::vector<Outcome>> groups;
  std::map<std::string, std::size_t> place;
  for (const Outcome& outcome : outcomes) {
    const auto [found, is_new] = place.emplace(outcome.item->group, groups.size());
    if (is_new) groups.emplace_back();
    groups[found->second].push_back(outcome);
  }
  std::vector<Statistics> out;
  out.reserve(groups.size() + 1);
  for (const std::vector<Outcome>& members : groups) {
    out.push_back(statistics(members.front().item->group, members));
  }
  out.push_back(statistics("all", outcomes));
  return out;
}

}  // namespace hsap::cases
