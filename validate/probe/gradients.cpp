#include "validate/probe/gradients.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "validate/compare/compare.hpp"
#include "workload/random.hpp"

namespace hsap {
namespace {

constexpr double step = 0x1p-17;

/// A place in an input.
struct Place {
  Token token = 0;
  int head = 0;
  std::size_t column = 0;
};

/// The document around a token as a batch of its own.
class Alone {
 public:
  Alone(const Problem& problem, const Tensors& tensors, Token token) : problem_(problem) {
    const auto document = static_cast<std::size_t>(document_of(problem, token));
    begin_ = problem.batch.cu_seqlens()[document];
    problem_.batch.lengths = {problem.batch.lengths[document]};
    for (const Role role : {Role::q, Role::k, Role::v}) {
      inputs_[role] = part(tensors[role], problem_.batch.tokens());
    }
    dout_ = part(tensors[Role::dout], problem_.batch.tokens());
  }

  /// d loss / d input at a place of the whole batch.
  [[nodiscard]] double slope(Role role, const Place& place) {
    return (loss(role, place, step) - loss(role, place, -step)) / (2 * step);
  }

 private:
  [[nodiscard]] Tensor part(const Tensor& whole, Token count) const {
    Tensor out(count, whole.heads, whole.width);
    const auto first = whole.values.begin() + std::ptrdiff_t{begin_} * whole.heads * whole.width;
    std::copy(first, first + static_cast<std::ptrdiff_t>(out.values.size()), out.values.begin());
    return out;
  }

  [[nodiscard]] double loss(Role role, const Place& place, double by) {
    Tensors tensors = inputs_;
    tensors[role].row(place.token - begin_, place.head)[place.column] += by;
    reference_attention(problem_, tensors);
    const std::vector<double>& o = tensors[Role::o].values;
    return std::inner_product(o.begin(), o.end(), dout_.values.begin(), 0.0);
  }

  Problem problem_;
  Token begin_ = 0;
  Tensors inputs_;
  Tensor dout_;
};

Place random_place(const Tensor& tensor, Random& random) {
  return {static_cast<Token>(random.between(0, tensor.tokens - 1)),
          static_cast<int>(random.between(0, tensor.heads - 1)),
          static_cast<std::size_t>(random.between(0, tensor.width - 1))};
}

double largest(const Tensor& tensor) {
  double most = 0;
  for (const double value : tensor.values) most = std::max(most, std::abs(value));
  return most > 0 ? most : 1;
}

GradientError check(const Problem& problem, const Tensors& tensors, Role input, Role gradient,
                    Random& random, int samples) {
  GradientError error{gradient, samples, -1, 0, 0};
  const double scale = largest(tensors[gradient]);
  for (int i = 0; i < samples; ++i) {
    const Place place = random_place(tensors[input], random);
    const double expected = Alone(problem, tensors, place.token).slope(input, place);
    const double found = tensors[gradient].row(place.token, place.head)[place.column];
    double relative = std::abs(found - expected) / scale;
    if (std::isnan(relative)) relative = std::numeric_limits<double>::infinity();
    if (relative <= error.relative) continue;
    error.relative = relative;
    error.token = place.token;
    error.head = place.head;
  }
  return error;
}

}  // namespace

std::vector<GradientError> check_gradients(const Problem& problem, const Tensors& tensors,
                                           std::uint64_t seed, int samples) {
  Random random(seed);
  return {check(problem, tensors, Role::q, Role::dq, random, samples),
          check(problem, tensors, Role::k, Role::dk, random, samples),
          check(problem, tensors, Role::v, Role::dv, random, samples)};
}

}  // namespace hsap
