#pragma once

#include <vector>

#include "hsap/execute.hpp"

/// Holding tensors against each other.
namespace hsap {

/// What attention makes, in the order of reports: o, lse, dq, dk, dv.
inline constexpr Role results[] = {Role::o, Role::lse, Role::dq, Role::dk, Role::dv};

/// One number of a tensor, by what a person would call it.
struct Number {
  Token token = 0;
  int head = 0;
  int document = 0;
};

/// How far a tensor is from the truth.
struct TensorError {
  Role role = Role::o;
  double relative = 0;  ///< largest |difference| over the largest |number| of the truth (or over 1
                        ///< where the truth is all zero); infinite where a number is NaN
  Number worst;         ///< where the difference is largest
  double found = 0;     ///< there
  double expected = 0;  ///< there
};
/// The tensors must have equal shapes, that of `problem`. Equal infinities are no difference: lse
/// is -inf where a query sees no key.
[[nodiscard]] TensorError compare(const Problem& problem, Role role, const Tensor& truth,
                                  const Tensor& found);

/// Numbers of one document that a change of another document changed.
struct Leak {
  int from = 0;  ///< the document that was replaced
  int to = 0;    ///< the document whose numbers changed
  Role role = Role::o;
  Number worst;       ///< where the change is largest
  double change = 0;  ///< infinite where a number became NaN
};
/// Whether dQ is the same in every run. GPU kernels that add to it from many blocks give it up to
/// the rounding of a sum in another order, and so sometimes the next bf16.
enum class QueryGradients : std::uint8_t { exact, rounded };

/// Every (document, tensor) outside document `from` that differs by a bit between the two runs; dQ
/// that is `rounded`: by more than that. Tensors that either of them lacks are left out.
[[nodiscard]] std::vector<Leak> find_leaks(const Problem& problem, int from, const Tensors& base,
                                           const Tensors& perturbed,
                                           QueryGradients dq = QueryGradients::exact);

/// Whether the outputs of a document differ at all between the two runs.
[[nodiscard]] bool changed(const Problem& problem, int document, const Tensors& base,
                           const Tensors& perturbed);

/// The document of a token.
[[nodiscard]] int document_of(const Problem& problem, Token token);

}  // namespace hsap
