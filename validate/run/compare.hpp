#pragma once

#include "validate/compare/compare.hpp"

namespace hsap::validation {

/// How far one tensor is from the truth, and which rank owns the token where it is worst.
struct TensorError : hsap::TensorError {
  Rank rank = -1;
};

/// Compares one role of a run of `schedule`.
[[nodiscard]] TensorError compare(Role role, const Tensor& found, const Tensor& truth,
                                  const Problem& problem, const Schedule& schedule);

}  // namespace hsap::validation
