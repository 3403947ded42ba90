#include "validate/run/compare.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <set>

namespace hsap::validation {
namespace {

double difference(double found, double expected) {
  if (found == expected) return 0;  // also equal infinities
  const double error = std::abs(found - expected);
  return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
}

Rank owner_of(const Schedule& schedule, Token token) {
  for (Rank rank = 0; rank < schedule.ranks(); ++rank) {
    for (const Interval& interval :
         schedule.intervals_of(schedule.home[static_cast<std::size_t>(rank)])) {
      if (interval.contains(token)) return rank;
    }
  }
  return -1;
}

}  // namespace

int document_of(const Batch& batch, Token token) {
  const std::vector<Token> begins = batch.cu_seqlens();
  return static_cast<int>(std::upper_bound(begins.begin(), begins.end(), token) - begins.begin()) -
         1;
}

TensorError compare(Role role, const Tensor& found, const Tensor& truth, const Problem& problem,
                    const Schedule& schedule) {
  TensorError result;
  result.role = role;
  double worst = -1;
  double largest = 0;
  for (Token token = 0; token < truth.tokens; ++token) {
    for (int head = 0; head < truth.heads; ++head) {
      const auto expected = truth.row(token, head);
      const auto values = found.row(token, head);
      for (std::size_t d = 0; d < expected.size(); ++d) {
        if (std::isfinite(expected[d])) largest = std::max(largest, std::abs(expected[d]));
        const double error = difference(values[d], expected[d]);
        if (error <= worst) continue;
        worst = error;
        result.token = token;
        result.head = head;
        result.found = values[d];
        result.expected = expected[d];
      }
    }
  }
  result.relative = largest > 0 ? worst / largest : worst;
  result.document = document_of(problem.batch, result.token);
  result.rank = owner_of(schedule, result.token);
  return result;
}

std::vector<Leak> find_leaks(const Tensors& base, const Tensors& perturbed,
                             std::span<const Role> roles, const Batch& batch, int document) {
  std::vector<Leak> leaks;
  std::set<std::pair<Role, int>> told;
  for (const Role role : roles) {
    const Tensor& a = base[role];
    const Tensor& b = perturbed[role];
    for (Token token = 0; token < a.tokens; ++token) {
      const int to = document_of(batch, token);
      if (to == document) continue;
      for (int head = 0; head < a.heads; ++head) {
        const auto before = a.row(token, head);
        const auto after = b.row(token, head);
        for (std::size_t d = 0; d < before.size(); ++d) {
          const bool equal =
              std::bit_cast<std::uint64_t>(before[d]) == std::bit_cast<std::uint64_t>(after[d]);
          if (equal || !told.insert({role, to}).second) continue;
          leaks.push_back({document, to, role, token, head, after[d] - before[d]});
        }
      }
    }
  }
  return leaks;
}

}  // namespace hsap::validation
