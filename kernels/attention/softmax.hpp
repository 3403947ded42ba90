#pragma once

#include "kernels/attention/arguments.hpp"
#include "kernels/primitive/primitive.hpp"

/// Parts of the forward kernels that work on accumulators in registers (fragments.hpp): a thread
/// has two rows, and four neighbouring lanes share them.
namespace hsap::kernels {

inline constexpr float minus_infinity = -__builtin_inff();
inline constexpr float log2_e = 1.44269504088896f;
inline constexpr float ln2 = 0.693147180559945f;

/// Hides the scores of a step that the mask does not let through. Rows of the tile that belong to
/// no band see nothing.
template <int Registers>
HSAP_DEVICE void hide_masked(float (&s)[Registers], const Steps& steps, const Band* bands,
                             int first_row) {
  const Run& run = steps.run();
  const int first_column = steps.column() + 2 * (gpu::lane_index() % 4);
  HSAP_UNROLL
  for (int row = 0; row < gpu::rows_per_thread; ++row) {
    const Columns seen = columns_of(bands + run.first_band, run.bands, first_row + 8 * row);
    // Relative to the thread's first column, so that each score is compared with a constant.
    const int begin = seen.begin - first_column;
    const int end = seen.end - first_column;
    HSAP_UNROLL
    for (int i = 0; i < Registers; ++i) {
      const int column = 8 * (i / 4) + i % 2;
      if (gpu::row_of_register(i) == row && (column < begin || column >= end)) {
        s[i] = minus_infinity;
      }
    }
  }
}

/// The online softmax of a thread's rows.
class Softmax {
 public:
  HSAP_DEVICE explicit Softmax(float scale_log2) : scale_(scale_log2) {}

  /// Turns scores into weights relative to the largest score so far.
  template <int Registers>
  HSAP_DEVICE void add(float (&s)[Registers]) {
    HSAP_UNROLL
    for (int row = 0; row < gpu::rows_per_thread; ++row) {
      float top = top_[row];
      HSAP_UNROLL
      for (int i = 0; i < Registers; ++i) {
        if (gpu::row_of_register(i) == row) top = gpu::larger(top, s[i]);
      }
      top = gpu::larger(top, gpu::shuffle_xor(top, 1));
      top = gpu::larger(top, gpu::shuffle_xor(top, 2));
      // Rows that have seen nothing: any finite number keeps exp2(-inf - it) at 0.
      const float base = top == minus_infinity ? 0.0f : top * scale_;
      shrink_[row] = gpu::exp2_fast(top_[row] * scale_ - base);
      top_[row] = top;
      float sum = 0;
      HSAP_UNROLL
      for (int i = 0; i < Registers; ++i) {
        if (gpu::row_of_register(i) == row) sum += s[i] = gpu::exp2_fast(s[i] * scale_ - base);
      }
      sum_[row] = sum_[row] * shrink_[row] + sum;
    }
  }

  /// Brings sums of weights times values to the new largest score.
  template <int Registers>
  HSAP_DEVICE void shrink(float (&o)[Registers]) const {
    HSAP_UNROLL
    for (int i = 0; i < Registers; ++i) o[i] *= shrink_[gpu::row_of_register(i)];
  }

  /// The sum of a row's weights over all lanes that share it.
  HSAP_DEVICE float sum(int row) const {
    float sum = sum_[row];
    sum += gpu::shuffle_xor(sum, 1);
    return sum + gpu::shuffle_xor(sum, 2);
  }

  /// Natural log-sum-exp of a row, from the sum of its weights.
  HSAP_DEVICE float lse(int row, float sum) const {
    return sum > 0 ? (top_[row] * scale_ + gpu::log2_fast(sum)) * ln2 : minus_infinity;
  }

 private:
  float scale_;
  float top_[gpu::rows_per_thread] = {minus_infinity, minus_infinity};
  float sum_[gpu::rows_per_thread] = {0, 0};
  float shrink_[gpu::rows_per_thread] = {1, 1};
};

/// Weights as operand A of the product with the values, 16 keys at a time.
template <int Steps16, int Registers>
HSAP_DEVICE void pack(std::uint32_t (&p)[Steps16][4], const float (&s)[Registers]) {
  static_assert(Registers == 8 * Steps16);
  HSAP_UNROLL
  for (int step = 0; step < Steps16; ++step) {
    HSAP_UNROLL
    for (int i = 0; i < 4; ++i) {
      p[step][i] = gpu::pack_bfloat16(s[8 * step + 2 * i], s[8 * step + 2 * i + 1]);
    }
  }
}

/// How an old result (lse, o) and a new one go together: o = keep * old + take * new.
struct MergeWeights {
  float lse;
  float keep;
  float take;
};

/// By log-sum-exp; either may be -inf (nothing seen), then it counts nothing.
HSAP_DEVICE MergeWeights merge_weights(float old_lse, float new_lse) {
  const float top = gpu::larger(old_lse, new_lse);
  if (top == minus_infinity) return {minus_infinity, 0, 0};
  const float keep = gpu::exp2_fast((old_lse - top) * log2_e);
  const float take = gpu::exp2_fast((new_lse - top) * log2_e);
  const float sum = keep + take;
  return {top + gpu::log2_fast(sum) * ln2, keep / sum, take / sum};
}

/// Writes a thread's rows of o, with the old ones added when `Accumulate`. Rows from `end` on
/// belong to other tiles.
template <bool Accumulate, typename T, int Registers>
HSAP_DEVICE void store_rows(const Rows<T>& to, const float (&o)[Registers],
                            const MergeWeights (&weights)[gpu::rows_per_thread], int first_row,
                            int end, int head) {
  HSAP_UNROLL
  for (int r = 0; r < gpu::rows_per_thread; ++r) {
    const int row = first_row + 8 * r;
    if (row >= end) continue;
    T* at = to.at(row, head) + 2 * (gpu::lane_index() % 4);
    HSAP_UNROLL
    for (int i = 2 * r; i < Registers; i += 4) {
      gpu::float2 sum = {weights[r].take * o[i], weights[r].take * o[i + 1]};
      if (Accumulate) {
        const gpu::float2 old = gpu::load_pair(at + 8 * (i / 4));
        sum.x += weights[r].keep * old.x;
        sum.y += weights[r].keep * old.y;
      }
      gpu::store_pair(at + 8 * (i / 4), sum.x, sum.y);
    }
  }
}

template <typename T, int Registers>
HSAP_DEVICE void store_rows(const Rows<T>& to, bool accumulate, const float (&o)[Registers],
                            const MergeWeights (&weights)[gpu::rows_per_thread], int first_row,
                            int end, int head) {
  if (accumulate) {
    store_rows<true>(to, o, weights, first_row, end, head);
  } else {
    store_rows<false>(to, o, weights, first_row, end, head);
  }
}

/// Writes a thread's rows of o and lse, or merges them into what is there. Rows from `end` on
/// belong to other tiles.
template <int Registers>
HSAP_DEVICE void write_rows(const ForwardArguments& on, const float (&o)[Registers],
                            const Softmax& softmax, int first_row, int end, int head) {
  MergeWeights weights[gpu::rows_per_thread];
  HSAP_UNROLL
  for (int r = 0; r < gpu::rows_per_thread; ++r) {
    const int row = first_row + 8 * r;
    const float sum = softmax.sum(r);
    const bool old = on.accumulate && row < end;
    weights[r] = merge_weights(old ? *on.lse.at(row, head) : minus_infinity, softmax.lse(r, sum));
    weights[r].take *= sum > 0 ? 1 / sum : 0.0f;
  }
  gpu::sync_warp();  // four lanes read an lse that one of them is about to write
  HSAP_UNROLL
  for (int r = 0; r < gpu::rows_per_thread; ++r) {
    const int row = first_row + 8 * r;
    if (row < end && gpu::lane_index() % 4 == 0) *on.lse.at(row, head) = weights[r].lse;
  }
  // Asked once and not for every pair: short documents have few steps between their results.
  if (on.o_fp32.data != nullptr) {
    store_rows(on.o_fp32, on.accumulate, o, weights, first_row, end, head);
  } else {
    store_rows(on.o_bf16, on.accumulate, o, weights, first_row, end, head);
  }
}

}  // namespace hsap::kernels
