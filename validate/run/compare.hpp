#pragma once

#include <vector>

#include "hsap/execute.hpp"

namespace hsap::validation {

/// How far one tensor is from the truth.
struct TensorError {
  Role role = Role::o;
  double relative = 0;  ///< largest difference over the largest magnitude of the truth
  // Where the difference is largest.
  Token token = 0;
  int head = 0;
  int document = 0;
  Rank rank = 0;  ///< that owns the token
  double found = 0;
  double expected = 0;
};

/// Compares one role. A number that is missing (NaN) is infinitely wrong. lse may be -inf in both.
[[nodiscard]] TensorError compare(Role role, const Tensor& found, const Tensor& truth,
                                  const Problem& problem, const Schedule& schedule);

/// The document that holds a token.
[[nodiscard]] int document_of(const Batch& batch, Token token);

/// A number of another document that changed when one document was changed.
struct Leak {
  int from_document = 0;
  int to_document = 0;
  Role role = Role::o;
  Token token = 0;
  int head = 0;
  double change = 0;
};

/// Everything outside `document` that is not equal bit for bit in two runs that differ in the
/// inputs of that document alone; the first of each role and document.
[[nodiscard]] std::vector<Leak> find_leaks(const Tensors& base, const Tensors& perturbed,
                                           std::span<const Role> roles, const Batch& batch,
                                           int document);

}  // namespace hsap::validation
