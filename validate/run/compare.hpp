#pragma once

#include "validate/compare/compare.hpp"

namespace hsap::validation {

/// How far one tensor is from the truth, and which rank owns the token where it is worst.
struct TensorError : hsap::TensorError {
  Rank rank = -1;
};

/// hsap::compare() of one role of a run of `schedule`.
[[nodiscard]] TensorError compare(const Problem& problem, Role role, const Tensor& truth,
                                  const Tensor& found, const Schedule& schedule);

}  // namespace hsap::validation
