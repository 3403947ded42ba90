#pragma once

#include <cstdint>
#include <vector>

#include "hsap/execute.hpp"

namespace hsap {

/// One gradient held against a central difference of the loss sum(o * do).
struct GradientError {
  Role role = Role::dq;
  int samples = 0;
  double relative = 0;  ///< largest |difference| over the largest |gradient| of the tensor
  Token token = 0;      ///< of the worst sample
  int head = 0;
};

/// Checks dq, dk and dv of `tensors` at `samples` random places each. The differences are those of
/// reference_attention() over the document around the place, in float64 with a step of 2^-17, so
/// they agree with right gradients to about 1e-8. Needs q, k, v, do, dq, dk and dv.
[[nodiscard]] std::vector<GradientError> check_gradients(const Problem& problem,
                                                         const Tensors& tensors, std::uint64_t seed,
                                                         int samples);

}  // namespace hsap
