#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hsap/mask.hpp"
#include "kernels/attention/arguments.hpp"
#include "kernels/tiles/tile_list.hpp"

/// A small attention problem with its answer in float64, for kernels under the emulation.
namespace test {

/// Rows x heads x columns, all NaN at first: what kernels forget to write or should not read shows.
/// Canaries lie between rows and around the whole: rows of a NaN that nobody computes.
template <typename T>
struct Tensor {
  Tensor(int rows, int heads, int columns);

  int rows;
  int heads;
  int columns;
  std::vector<T> values;  ///< with the canaries

  /// Normally distributed numbers.
  void fill(std::uint64_t seed);
  void set(double value);
  void set_column(int column, double value);
  [[nodiscard]] double at(int row, int head, int column) const;
  [[nodiscard]] hsap::kernels::Rows<T> view();
  [[nodiscard]] hsap::kernels::Rows<const T> read();
  [[nodiscard]] hsap::gpu::TensorMap map(int box_rows);
  /// Without the canaries.
  [[nodiscard]] std::vector<float> numbers() const;
  /// Whether every canary is alive.
  [[nodiscard]] bool intact() const;

 private:
  [[nodiscard]] std::size_t row_stride() const;
  [[nodiscard]] std::size_t place(int row, int head, int column) const;
};
using Operand = Tensor<hsap::gpu::Bfloat16>;

struct Problem {
  int queries = 0;  ///< rows
  int keys = 0;
  int heads = 1;
  int key_heads = 1;
  int heads_per_key_head = 1;
  int head_offset = 0;  ///< of the first query head in its group
  int head_dim = 128;
  std::vector<hsap::Slice> slices;  ///< of rows

  [[nodiscard]] int key_head(int head) const { return (head + head_offset) / heads_per_key_head; }
  [[nodiscard]] hsap::kernels::Work work(const hsap::kernels::TileList& list, int* next) const;
};

/// Causal documents of these lengths, one after the other.
[[nodiscard]] Problem documents(const std::vector<int>& lengths, int heads, int key_heads,
                                int head_dim);

[[nodiscard]] Problem one_slice(const hsap::Interval& query, const hsap::Interval& key,
                                hsap::SliceKind kind);

/// Slices of random kinds between random intervals of queries and of keys, several to most rows and
/// none to some.
[[nodiscard]] Problem random_slices(int queries, int keys, std::uint64_t seed);

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

/// What is wrong with a result, in words: an error beyond the limit, dead canaries, or nothing.
/// `before` was there before the result was added.
template <typename T>
[[nodiscard]] std::string mistake(const std::string& name, const Tensor<T>& got,
                                  const Answer& expected, double limit, float before = 0) {
  std::vector<float> numbers = got.numbers();
  for (float& number : numbers) number -= before;
  const double error = relative_error(numbers, expected.values);
  std::string text;
  if (!(error < limit)) text = name + " is off by " + std::to_string(error) + "; ";
  if (!got.intact()) text += "written beyond " + name + "; ";
  return text;
}

}  // namespace test
