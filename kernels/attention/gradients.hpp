#pragma once

#include "kernels/attention/softmax.hpp"
#include "kernels/primitive/primitive.hpp"

/// Parts of the backward kernels that work on accumulators in registers (fragments.hpp), keys x
/// queries: a thread has two rows of keys, and pairs of neighbouring queries.
namespace hsap::kernels {

/// What a query's weights are relative to, in powers of two. Queries that see nothing get what
/// makes every weight 0.
HSAP_DEVICE float exponent_base(float lse) {
  return lse == minus_infinity ? -minus_infinity : lse * log2_e;
}

/// Where a thread's pairs lie in a row of numbers in shared memory, one per query.
HSAP_DEVICE gpu::SharedAddress first_pair(gpu::SharedAddress numbers) {
  return numbers + 8 * (gpu::lane_index() % 4);
}

/// Turns scores into weights. `bases` are the queries' exponent bases.
template <int Registers>
HSAP_DEVICE void to_weights(float (&s)[Registers], float scale_log2, gpu::SharedAddress bases) {
  HSAP_UNROLL
  for (int i = 0; i < Registers; i += 4) {
    const gpu::float2 base = gpu::load_shared<gpu::float2>(first_pair(bases) + 8 * i);
    s[i] = gpu::exp2_fast(s[i] * scale_log2 - base.x);
    s[i + 1] = gpu::exp2_fast(s[i + 1] * scale_log2 - base.y);
    s[i + 2] = gpu::exp2_fast(s[i + 2] * scale_log2 - base.x);
    s[i + 3] = gpu::exp2_fast(s[i + 3] * scale_log2 - base.y);
  }
}

/// Turns gradients of weights into those of scores before the scale.
template <int Registers>
HSAP_DEVICE void to_score_gradients(float (&dp)[Registers], const float (&p)[Registers],
                                    gpu::SharedAddress deltas) {
  HSAP_UNROLL
  for (int i = 0; i < Registers; i += 4) {
    const gpu::float2 delta = gpu::load_shared<gpu::float2>(first_pair(deltas) + 8 * i);
    dp[i] = p[i] * (dp[i] - delta.x);
    dp[i + 1] = p[i + 1] * (dp[i + 1] - delta.y);
    dp[i + 2] = p[i + 2] * (dp[i + 2] - delta.x);
    dp[i + 3] = p[i + 3] * (dp[i + 3] - delta.y);
  }
}

/// Adds a thread's rows to device memory, where no other block works on them. Rows from `end` on
/// belong to other tiles.
template <int Registers>
HSAP_DEVICE void add_rows(const Rows<float>& to, const float (&sum)[Registers], float scale,
                          int first_row, int end, int head) {
  HSAP_UNROLL
  for (int r = 0; r < gpu::rows_per_thread; ++r) {
    const int row = first_row + 8 * r;
    if (row >= end) continue;
    HSAP_UNROLL
    for (int i = 2 * r; i < Registers; i += 4) {
      float* at = to.at(row, head) + 8 * (i / 4) + 2 * (gpu::lane_index() % 4);
      const gpu::float2 old = gpu::load_pair(at);
      gpu::store_pair(at, old.x + scale * sum[i], old.y + scale * sum[i + 1]);
    }
  }
}

/// Adds a thread's rows to device memory, where other blocks add too.
template <int Registers>
HSAP_DEVICE void add_rows_atomic(const Rows<float>& to, const float (&sum)[Registers], float scale,
                                 int first_row, int end, int head, int first_column) {
  HSAP_UNROLL
  for (int r = 0; r < gpu::rows_per_thread; ++r) {
    const int row = first_row + 8 * r;
    if (row >= end) continue;
    float* at = to.at(row, head) + first_column + 2 * (gpu::lane_index() % 4);
    HSAP_UNROLL
    for (int i = 2 * r; i < Registers; i += 4) {
      gpu::atomic_add2(at + 8 * (i / 4), scale * sum[i], scale * sum[i + 1]);
    }
  }
}

}  // namespace hsap::kernels
