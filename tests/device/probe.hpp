#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "kernels/primitive/bfloat16.hpp"
#include "kernels/primitive/tensor_map.hpp"

/// A small kernel that uses primitives, as the host sees it.
namespace test {

namespace gpu = hsap::gpu;

inline constexpr int probe_size = 128;     ///< rows and columns of all matrices
inline constexpr double untouched = -777;  ///< what `out` holds before

/// Matrices lie row after row. Maps have boxes of 128 bytes x 128 rows.
struct ProbeArguments {
  gpu::TensorMap a_map;
  gpu::TensorMap b_map;
  gpu::TensorMap out_map;
  const gpu::Bfloat16* a = nullptr;
  const gpu::Bfloat16* b = nullptr;
  float* out = nullptr;
  std::int32_t* counter = nullptr;  ///< 0 at launch
};

struct ProbeInputs {
  std::vector<gpu::Bfloat16> a_values;
  std::vector<gpu::Bfloat16> b_values;

  [[nodiscard]] double a(int row, int column) const {
    return to_float(a_values[static_cast<std::size_t>(row * probe_size + column)]);
  }
  [[nodiscard]] double b(int row, int column) const {
    return to_float(b_values[static_cast<std::size_t>(row * probe_size + column)]);
  }
};

/// A probe, started by some back end.
struct Probe {
  std::string name;
  double tolerance = 0;  ///< of differences relative to 1 and the answer
  std::string (*start)(const ProbeArguments& on) = nullptr;  ///< what went wrong, or nothing
  double (*expected)(const ProbeInputs& in, int row, int column) = nullptr;
};

/// Largest difference of `out` from the answer, relative to 1 and the answer.
inline double worst_difference(const Probe& probe, const ProbeInputs& in,
                               const std::vector<float>& out) {
  double worst = 0;
  for (int row = 0; row < probe_size; ++row) {
    for (int column = 0; column < probe_size; ++column) {
      const double expected = probe.expected(in, row, column);
      const double got = out[static_cast<std::size_t>(row * probe_size + column)];
      if (got == expected || (std::isnan(got) && std::isnan(expected))) continue;
      const double off = std::abs(got - expected) / std::max(1.0, std::abs(expected));
      worst = std::isnan(off) ? std::numeric_limits<double>::infinity() : std::max(worst, off);
    }
  }
  return worst;
}

}  // namespace test
