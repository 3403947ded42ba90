#pragma once

#include "kernels/attention/arguments.hpp"
#include "kernels/attention/softmax.hpp"
#include "kernels/attention/warp_tiles.hpp"

/// The forward pass for sm_80 and later. A block is four warps of 32 query rows each; two blocks
/// share a multiprocessor. They stay for the whole launch and take tiles off a counter, longest
/// first. Keys are copied while the block multiplies weights and values, values while it multiplies
/// queries and keys. Known from FlashAttention-2 (Dao, 2023).
namespace hsap::kernels {

template <int HeadDim>
struct ForwardPortable {
  static constexpr int warps = 4;
  static constexpr int strips = 2;  ///< of 16 rows, per warp
  static constexpr int rows = 16 * strips * warps;
  static constexpr int keys = 64;
  static constexpr int threads = gpu::warp_size * warps;

  using QTile = WarpTile<rows, HeadDim>;
  using KeyTile = WarpTile<keys, HeadDim>;
  // Shared memory, from its base on.
  static constexpr std::uint32_t q_at = 0;
  static constexpr std::uint32_t k_at = q_at + QTile::bytes;
  static constexpr std::uint32_t v_at = k_at + KeyTile::bytes;
  static constexpr std::uint32_t work_at = v_at + KeyTile::bytes;
  static constexpr std::uint32_t shared_bytes = work_at + 16;

  HSAP_DEVICE static void run(const ForwardArguments& on) {
    const gpu::SharedAddress base = gpu::shared_base();
    const int units = on.work.tiles.count * on.work.heads;
    for (;;) {
      const int work = take_work(on.work.next, units, base + work_at);
      if (work >= units) return;
      attend(on, base, on.work.tiles.tiles[work / on.work.heads], work % on.work.heads);
    }
  }

 private:
  HSAP_DEVICE static void attend(const ForwardArguments& on, gpu::SharedAddress base,
                                 const Tile& tile, int head) {
    const QTile q{base + q_at};
    const KeyTile k{base + k_at};
    const KeyTile v{base + v_at};
    const int key_head = on.work.key_head(head);
    const int end = tile.row_begin + tile.rows;
    const int warp_row = 16 * strips * gpu::warp_index();
    const int first_row =
        tile.row_begin + warp_row + gpu::accumulator_place(gpu::lane_index(), 0).row;
    Steps steps(tile, on.work.tiles.runs, keys);
    const Softmax fresh(on.work.scale * log2_e);
    Softmax softmax[strips] = {fresh, fresh};
    float o[strips][HeadDim / 2] = {};

    if (!steps.done()) {
      q.template copy<threads>(on.q, head, tile.row_begin, end);
      copy_step(k, on.k, key_head, steps);
    }
    while (!steps.done()) {
      float s[strips][keys / 2] = {};
      std::uint32_t p[strips][keys / 16][4];
      gpu::copy_async_wait<0>();
      gpu::sync_block();  // keys are here, and all have read the last values
      copy_step(v, on.v, key_head, steps);
      multiply_contracted(s, q, warp_row, k);
      if (steps.masked()) {
        HSAP_UNROLL
        for (int i = 0; i < strips; ++i) {
          hide_masked(s[i], steps, on.work.tiles.bands, first_row + 16 * i);
        }
      }
      HSAP_UNROLL
      for (int i = 0; i < strips; ++i) {
        softmax[i].add(s[i]);
        softmax[i].shrink(o[i]);
        pack(p[i], s[i]);
      }
      steps.next();
      gpu::copy_async_wait<0>();
      gpu::sync_block();  // values are here, and all have read the keys
      if (!steps.done()) copy_step(k, on.k, key_head, steps);
      multiply_crossed(o, p, v);
    }
    HSAP_UNROLL
    for (int i = 0; i < strips; ++i) {
      write_rows(on, o[i], softmax[i], first_row + 16 * i, end, head);
    }
  }

  /// Begins to copy the keys or values of a step.
  HSAP_DEVICE static void copy_step(const KeyTile& to, const Rows<const gpu::Bfloat16>& from,
                                    int head, const Steps& steps) {
    to.template copy<threads>(from, head, steps.column(), steps.run().column_end);
    gpu::copy_async_commit();
  }
};

}  // namespace hsap::kernels
