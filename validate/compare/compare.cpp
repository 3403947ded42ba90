#include "validate/compare/compare.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

namespace hsap {
namespace {

double distance(double a, double b) {
  if (a == b) return 0;  // also equal infinities
  const double difference = std::abs(a - b);
  return std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
}

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

/// Calls visit(token, head, a, b) for every number of tokens [begin, end) of two tensors.
template <typename Visit>
void each(const Tensor& a, const Tensor& b, Token begin, Token end, const Visit& visit) {
  for (Token token = begin; token < end; ++token) {
    for (int head = 0; head < a.heads; ++head) {
      const auto left = a.row(token, head);
      const auto right = b.row(token, head);
      for (std::size_t i = 0; i < left.size(); ++i) visit(token, head, left[i], right[i]);
    }
  }
}

/// What may change without meaning anything.
struct Noise {
  double of_number = 0;   ///< relative to the number
  double of_largest = 0;  ///< relative to the largest one of the document
};
constexpr Noise none;
/// One step of bf16, and where terms cancel, fp32 sums of them.
constexpr Noise other_order{1.0 / 128, 1e-5};

/// The largest change of one tensor inside tokens [begin, end); nothing when no bit changed but for
/// noise.
std::optional<Leak> change_in(const Tensor& a, const Tensor& b, Token begin, Token end,
                              const Noise& noise = none) {
  std::optional<Leak> leak;
  double largest = 0;
  each(a, a, begin, end, [&](Token, int, double value, double) {
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  });
  each(a, b, begin, end, [&](Token token, int head, double left, double right) {
    if (same_bits(left, right)) return;
    const double change = distance(left, right);
    if (change < noise.of_number * std::abs(left) + noise.of_largest * largest) return;
    if (leak && change <= leak->change) return;
    leak = Leak{};
    leak->worst = {token, head, 0};
    leak->change = change;
  });
  return leak;
}

}  // namespace

int document_of(const Problem& problem, Token token) {
  const std::vector<Token> starts = problem.batch.cu_seqlens();
  return static_cast<int>(std::upper_bound(starts.begin(), starts.end(), token) - starts.begin()) -
         1;
}

TensorError compare(const Problem& problem, Role role, const Tensor& truth, const Tensor& found) {
  TensorError error;
  error.role = role;
  double largest = 0;
  double worst = -1;
  each(truth, found, 0, truth.tokens, [&](Token token, int head, double expected, double actual) {
    if (std::isfinite(expected)) largest = std::max(largest, std::abs(expected));
    const double difference = distance(expected, actual);
    if (difference <= worst) return;
    worst = difference;
    error.worst = {token, head, 0};
    error.found = actual;
    error.expected = expected;
  });
  error.worst.document = document_of(problem, error.worst.token);
  error.relative = std::max(worst, 0.0) / (largest > 0 ? largest : 1);
  return error;
}

std::vector<Leak> find_leaks(const Problem& problem, int from, const Tensors& base,
                             const Tensors& perturbed, QueryGradients dq) {
  const std::vector<Token> starts = problem.batch.cu_seqlens();
  std::vector<Leak> leaks;
  for (int to = 0; to + 1 < static_cast<int>(starts.size()); ++to) {
    if (to == from) continue;
    const auto at = static_cast<std::size_t>(to);
    for (const Role role : results) {
      if (base[role].empty() || perturbed[role].empty()) continue;
      const bool rounded = role == Role::dq && dq == QueryGradients::rounded;
      std::optional<Leak> leak = change_in(base[role], perturbed[role], starts[at], starts[at + 1],
                                           rounded ? other_order : none);
      if (!leak) continue;
      leak->from = from;
      leak->to = to;
      leak->role = role;
      leak->worst.document = to;
      leaks.push_back(*leak);
    }
  }
  return leaks;
}

bool changed(const Problem& problem, int document, const Tensors& base, const Tensors& perturbed) {
  const std::vector<Token> starts = problem.batch.cu_seqlens();
  const auto at = static_cast<std::size_t>(document);
  return change_in(base[Role::o], perturbed[Role::o], starts[at], starts[at + 1]).has_value();
}

}  // namespace hsap
