#pragma once

#include <cstddef>

namespace hsap::host {

/// c += a b for row-major tiles. a is rows x inner with row distance `a_step`, b is inner x
/// columns, c is rows x columns, columns a multiple of 16; `b_step` and `c_step` are row distances.
/// Sums run over the inner dimension in order, so equal inputs give equal bits.
void multiply_add(std::size_t rows, std::size_t columns, std::size_t inner, const float* a,
                  std::size_t a_step, const float* b, std::size_t b_step, float* c,
                  std::size_t c_step);
void multiply_add(std::size_t rows, std::size_t columns, std::size_t inner, const double* a,
                  std::size_t a_step, const double* b, std::size_t b_step, double* c,
                  std::size_t c_step);

}  // namespace hsap::host
