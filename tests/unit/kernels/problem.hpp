#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hsap/mask.hpp"
#include "kernels/attention/arguments.hpp"
#include "kernels/tiles/tile_list.hpp"

/// A small attention problem with its answer in float64, for kernels under the emulation.
namespace test {

/// Rows x heads x head_dim of bf16, one row after the other.
struct Operand {
  Operand(int rows, int heads, int head_dim);

  int rows;
  int heads;
  int head_dim;
  std::vector<hsap::gpu::Bfloat16> values;

  void fill(std::uint64_t seed);
  [[nodiscard]] double at(int row, int head, int column) const;
  [[nodiscard]] hsap::gpu::TensorMap map(int box_rows);
  [[nodiscard]] hsap::kernels::Rows<hsap::gpu::Bfloat16> view();
};

struct Problem {
  int queries = 0;  ///< rows
  int keys = 0;
  int heads = 1;
  int key_heads = 1;
  int head_dim = 128;
  std::vector<hsap::Slice> slices;  ///< of rows

  [[nodiscard]] hsap::kernels::Work work(const hsap::kernels::TileList& list, int* next) const;
};

/// Causal documents of these lengths, one after the other.
[[nodiscard]] Problem documents(const std::vector<int>& lengths, int heads, int key_heads,
                                int head_dim);

/// Rows x heads x columns of float64.
struct Answer {
  std::vector<double> values;
  int heads = 0;
  int columns = 0;

  [[nodiscard]] double& at(int row, int head, int column) {
    return values[(static_cast<std::size_t>(row) * heads + head) * columns + column];
  }
  [[nodiscard]] double at(int row, int head, int column) const {
    return values[(static_cast<std::size_t>(row) * heads + head) * columns + column];
  }
};

struct ForwardAnswer {
  Answer o;
  Answer lse;
};

[[nodiscard]] ForwardAnswer forward(const Problem& problem, const Operand& q, const Operand& k,
                                    const Operand& v);

struct BackwardAnswer {
  Answer dq;
  Answer dk;
  Answer dv;
};

/// From the complete lse and delta.
[[nodiscard]] BackwardAnswer backward(const Problem& problem, const Operand& q, const Operand& k,
                                      const Operand& v, const Operand& dout, const Answer& lse,
                                      const Answer& delta);

/// delta = rowsum(o * do).
[[nodiscard]] Answer delta(const Answer& o, const Operand& dout);

/// Norm of the difference over norm of `expected`; infinite where a number is not finite.
[[nodiscard]] double relative_error(const std::vector<float>& got,
                                    const std::vector<double>& expected);

}  // namespace test
