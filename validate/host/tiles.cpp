#include "validate/host/tiles.hpp"

#include "validate/reference/widest.hpp"

namespace hsap::host {
namespace {

/// One block of R rows and 16 columns, whose sums stay in registers.
template <std::size_t R, typename T>
[[gnu::always_inline]] inline void block(std::size_t inner, const T* a, std::size_t a_step,
                                         const T* b, std::size_t b_step, T* c, std::size_t c_step) {
  constexpr std::size_t wide = 16;
  T sum[R][wide];
  for (std::size_t r = 0; r < R; ++r) {
    for (std::size_t j = 0; j < wide; ++j) sum[r][j] = c[r * c_step + j];
  }
  for (std::size_t k = 0; k < inner; ++k) {
    for (std::size_t r = 0; r < R; ++r) {
      const T factor = a[r * a_step + k];
      for (std::size_t j = 0; j < wide; ++j) sum[r][j] += factor * b[k * b_step + j];
    }
  }
  for (std::size_t r = 0; r < R; ++r) {
    for (std::size_t j = 0; j < wide; ++j) c[r * c_step + j] = sum[r][j];
  }
}

template <typename T>
[[gnu::always_inline]] inline void multiply(std::size_t rows, std::size_t columns,
                                            std::size_t inner, const T* a, std::size_t a_step,
                                            const T* b, std::size_t b_step, T* c,
                                            std::size_t c_step) {
  for (std::size_t j = 0; j < columns; j += 16) {
    std::size_t r = 0;
    for (; r + 4 <= rows; r += 4) {
      block<4>(inner, a + r * a_step, a_step, b + j, b_step, c + r * c_step + j, c_step);
    }
    for (; r < rows; ++r) {
      block<1>(inner, a + r * a_step, a_step, b + j, b_step, c + r * c_step + j, c_step);
    }
  }
}

}  // namespace

HSAP_WIDEST void multiply_add(std::size_t rows, std::size_t columns, std::size_t inner,
                              const float* a, std::size_t a_step, const float* b,
                              std::size_t b_step, float* c, std::size_t c_step) {
  multiply(rows, columns, inner, a, a_step, b, b_step, c, c_step);
}

HSAP_WIDEST void multiply_add(std::size_t rows, std::size_t columns, std::size_t inner,
                              const double* a, std::size_t a_step, const double* b,
                              std::size_t b_step, double* c, std::size_t c_step) {
  multiply(rows, columns, inner, a, a_step, b, b_step, c, c_step);
}

}  // namespace hsap::host
