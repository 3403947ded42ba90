#pragma once

#include "kernels/attention/arguments.hpp"
#include "kernels/attention/gradients.hpp"
#include "kernels/attention/softmax.hpp"
#include "kernels/attention/warp_tiles.hpp"

/// The backward pass for sm_80 and later. A block keeps 128 keys and values, 16 per warp, and walks
/// over the queries of all heads that see them:
///   S = K Q^T, dP = V dO^T, P = exp(S - lse), dS = P (dP - delta)
///   dV += P dO, dK += dS Q   in registers over the whole walk
///   dQ = dS^T K              through shared memory, since it sums over the keys of all warps; each
///                            takes 16 queries x 32 columns and adds them in device memory
/// The next queries are copied during the whole step, their output gradients from the point on
/// where all warps have read the current ones.
namespace hsap::kernels {

template <int HeadDim>
struct BackwardPortable {
  static constexpr int warps = 8;
  static constexpr int keys = 16 * warps;
  static constexpr int queries = HeadDim == 128 ? 32 : 64;
  static constexpr int threads = gpu::warp_size * warps;

  using KeyTile = WarpTile<keys, HeadDim>;
  using QueryTile = WarpTile<queries, HeadDim>;
  static constexpr std::uint32_t ds_row_bytes = queries * 2;
  // Shared memory, from its base on.
  static constexpr std::uint32_t k_at = 0;
  static constexpr std::uint32_t v_at = k_at + KeyTile::bytes;
  static constexpr std::uint32_t q_at = v_at + KeyTile::bytes;
  static constexpr std::uint32_t dout_at = q_at + 2 * QueryTile::bytes;
  static constexpr std::uint32_t ds_at = dout_at + QueryTile::bytes;
  static constexpr std::uint32_t bases_at = ds_at + keys * ds_row_bytes;
  static constexpr std::uint32_t deltas_at = bases_at + queries * 4;
  static constexpr std::uint32_t work_at = deltas_at + queries * 4;
  static constexpr std::uint32_t shared_bytes = work_at + 16;

  HSAP_DEVICE static void run(const BackwardArguments& on) {
    const gpu::SharedAddress base = gpu::shared_base();
    const int units = on.work.tiles.count * on.work.key_heads;
    for (;;) {
      const int work = take_work(on.work.next, units, base + work_at);
      if (work >= units) return;
      attend(on, base, on.work.tiles.tiles[work / on.work.key_heads], work % on.work.key_heads);
    }
  }

 private:
  /// A step of a tile, for one of the heads that see its keys.
  struct Step {
    Steps steps;
    int head;

    HSAP_DEVICE void next(const BackwardArguments& on, const Tile& tile) {
      steps.next();
      if (!steps.done()) return;
      steps = Steps(tile, on.work.tiles.runs, queries);
      ++head;
    }
  };

  HSAP_DEVICE static void attend(const BackwardArguments& on, gpu::SharedAddress base,
                                 const Tile& tile, int key_head) {
    const KeyTile k{base + k_at};
    const KeyTile v{base + v_at};
    const QueryTile dout{base + dout_at};
    const int end = tile.row_begin + tile.rows;
    const int warp_row = 16 * gpu::warp_index();
    const int first_row =
        tile.row_begin + warp_row + gpu::accumulator_place(gpu::lane_index(), 0).row;
    const int heads_end = on.work.heads_end(key_head);
    Step step{Steps(tile, on.work.tiles.runs, queries), on.work.heads_begin(key_head)};
    if (step.steps.done() || step.head >= heads_end) return;  // nothing is copied in vain
    float dk[1][HeadDim / 2] = {};
    float dv[1][HeadDim / 2] = {};

    k.template copy<threads>(on.k, key_head, tile.row_begin, end);
    v.template copy<threads>(on.v, key_head, tile.row_begin, end);
    copy_step(QueryTile{base + q_at}, on.q, step);
    copy_step(dout, on.dout, step);
    write_number(base, number_of(on, step));
    for (int stage = 0; step.head < heads_end; stage ^= 1) {
      const QueryTile q{base + q_at + stage * QueryTile::bytes};
      float s[1][queries / 2] = {};
      float dp[1][queries / 2] = {};
      std::uint32_t p16[1][queries / 16][4];
      std::uint32_t ds16[1][queries / 16][4];
      Step next = step;
      next.next(on, tile);
      const bool more = next.head < heads_end;
      float number = 0;
      gpu::copy_async_wait<0>();
      gpu::sync_block();  // the step is here, and all are through with the one before
      if (more) {
        copy_step(QueryTile{base + q_at + (stage ^ 1) * QueryTile::bytes}, on.q, next);
        number = number_of(on, next);
      }
      multiply_contracted(s, k, warp_row, q);
      // Rows beyond the tile belong to others, but would count in dQ.
      if (tile.rows < keys || step.steps.masked()) {
        hide_masked(s[0], step.steps, on.work.tiles.bands, first_row);
      }
      to_weights(s[0], on.work.scale * log2_e, base + bases_at);
      pack(p16[0], s[0]);
      multiply_contracted(dp, v, warp_row, dout);
      multiply_crossed(dv, p16, dout);
      to_score_gradients(dp[0], s[0], base + deltas_at);
      pack(ds16[0], dp[0]);
      write_ds(base + ds_at, ds16[0]);
      gpu::sync_block();  // dS is here, and all have read the output gradients and numbers
      if (more) {
        copy_step(dout, on.dout, next);
        write_number(base, number);
      }
      multiply_crossed(dk, ds16, q);
      add_queries(on, base, step);
      step = next;
    }
    add_rows(on.dk, dk[0], on.work.scale, first_row, end, key_head);
    add_rows(on.dv, dv[0], 1, first_row, end, key_head);
  }

  /// Begins to copy the queries or output gradients of a step.
  HSAP_DEVICE static void copy_step(const QueryTile& to, const Rows<const gpu::Bfloat16>& from,
                                    const Step& step) {
    to.template copy<threads>(from, step.head, step.steps.column(), step.steps.run().column_end);
    gpu::copy_async_commit();
  }

  /// What this thread brings of a step's numbers: an exponent base, a delta or nothing.
  HSAP_DEVICE static float number_of(const BackwardArguments& on, const Step& step) {
    static_assert(threads >= 2 * queries);
    const int row = step.steps.column() + gpu::thread_index() % queries;
    const bool inside = row < step.steps.run().column_end;
    if (gpu::thread_index() < queries) {
      return exponent_base(inside ? *on.lse.at(row, step.head) : minus_infinity);
    }
    if (gpu::thread_index() < 2 * queries && inside) return *on.delta.at(row, step.head);
    return 0;
  }
  HSAP_DEVICE static void write_number(gpu::SharedAddress base, float number) {
    static_assert(deltas_at == bases_at + queries * 4);
    const int i = gpu::thread_index();
    if (i < 2 * queries) gpu::store_shared(base + bases_at + 4 * i, number);
  }

  /// dS lies in rows of keys, its bytes swizzled like a panel's.
  HSAP_DEVICE static void write_ds(gpu::SharedAddress ds,
                                   const std::uint32_t (&ds16)[queries / 16][4]) {
    HSAP_UNROLL
    for (int k = 0; k < queries / 16; ++k) {
      HSAP_UNROLL
      for (int i = 0; i < 4; ++i) {
        const gpu::Place place = gpu::operand_a_place(gpu::lane_index(), i, 0);
        const int key = 16 * gpu::warp_index() + place.row;
        const int query = 16 * k + place.column;
        gpu::store_shared(ds + gpu::swizzle_128(key * ds_row_bytes + 2 * query), ds16[k][i]);
      }
    }
  }

  /// dq += dS^T K, this warp's part of it.
  HSAP_DEVICE static void add_queries(const BackwardArguments& on, gpu::SharedAddress base,
                                      const Step& step) {
    constexpr int row_warps = queries / 16;
    constexpr int columns = HeadDim * row_warps / warps;
    const int first_query = 16 * (gpu::warp_index() % row_warps);
    const int first_column = columns * (gpu::warp_index() / row_warps);
    const KeyTile k{base + k_at};
    const int lane = gpu::lane_index();
    const gpu::SharedAddress ds =
        base + ds_at +
        gpu::swizzle_128(lane % 16 * ds_row_bytes + 2 * (first_query + lane / 16 * 8));
    float dq[columns / 2] = {};
    HSAP_UNROLL
    for (int key = 0; key < keys; key += 16) {
      std::uint32_t block[4];
      gpu::load_matrices_crossed(block, ds + key * ds_row_bytes);
      // Matrices came keys first.
      const std::uint32_t left[4] = {block[0], block[2], block[1], block[3]};
      HSAP_UNROLL
      for (int n = 0; n < columns / 16; ++n) {
        std::uint32_t right[4];
        gpu::load_matrices_crossed(right, k.block(key, first_column + 16 * n));
        gpu::mma(dq + 8 * n, left, right[0], right[1]);
        gpu::mma(dq + 8 * n + 4, left, right[2], right[3]);
      }
    }
    const int first_row = step.steps.column() + first_query + gpu::accumulator_place(lane, 0).row;
    add_rows_atomic(on.dq, dq, on.work.scale, first_row, step.steps.run().column_end, step.head,
                    first_column);
  }
};

}  // namespace hsap::kernels
