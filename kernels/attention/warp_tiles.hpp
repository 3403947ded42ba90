#pragma once

#include "kernels/attention/arguments.hpp"
#include "kernels/attention/next_unit.hpp"
#include "kernels/primitive/primitive.hpp"

/// What the kernels for sm_80 and later share: tiles of bf16 that threads copy to shared memory,
/// and products of them by single warps, in strips of 16 rows.
namespace hsap::kernels {

/// next_unit(), the same in all threads. On return all of them are through with the last one.
HSAP_DEVICE int take_work(std::int32_t* next, int units, gpu::SharedAddress place) {
  gpu::sync_block();  // also behind work without steps: all have read the last number
  if (gpu::thread_index() == 0) gpu::store_shared(place, next_unit(next, units));
  gpu::sync_block();
  return gpu::load_shared<int>(place);
}

/// TileRows x HeadDim in shared memory, in panels of 64 columns, swizzled (panel_offset).
template <int TileRows, int HeadDim>
struct WarpTile {
  static constexpr int rows = TileRows;
  static constexpr int columns = HeadDim;
  static constexpr std::uint32_t bytes = rows * columns * 2;

  gpu::SharedAddress begin;

  /// Begins to copy rows of a head from row `first` on; those from `end` on become zero. Each of
  /// the block's `Threads` threads copies its part to the open group.
  template <int Threads>
  HSAP_DEVICE void copy(const Rows<const gpu::Bfloat16>& from, int head, int first, int end) const {
    constexpr int chunk = 8;  // numbers in 16 bytes
    constexpr int chunks = columns / chunk;
    constexpr int rows_at_once = Threads / chunks;
    static_assert(rows_at_once % 8 == 0 && rows % rows_at_once == 0);
    const int row = gpu::thread_index() / chunks;
    const int column = gpu::thread_index() % chunks * chunk;
    const gpu::SharedAddress to = begin + gpu::panel_offset(rows, row, 2 * column);
    HSAP_UNROLL
    for (int more = 0; more < rows; more += rows_at_once) {
      const int at = first + row + more;
      gpu::copy_async(to + more * gpu::swizzle_row_bytes, from.at(at, head) + column, at < end);
    }
  }

  /// Where this lane's row lies of the 16 x 16 block at (row, column), for load_matrices: matrices
  /// 0 and 1 are the left half of the block, 2 and 3 the right half.
  HSAP_DEVICE gpu::SharedAddress block(int row, int column) const {
    const int lane = gpu::lane_index();
    // The panel_offset of row + lane % 16 and byte 2 column + 16 (lane / 16). Only the first part
    // depends on the lane, so that it is computed once for many blocks.
    const std::uint32_t inside =
        gpu::swizzle_128(lane % 16 * gpu::swizzle_row_bytes + lane / 16 * 16);
    return begin + (column / 64 * rows + row) * gpu::swizzle_row_bytes +
           (inside ^ (column % 64 * 2));
  }
};

/// d += A B^T for strips of A from row `row` on and the first rows of B, contracted along columns.
template <int Strips, int Registers, typename A, typename B>
HSAP_DEVICE void multiply_contracted(float (&d)[Strips][Registers], const A& a, int row,
                                     const B& b) {
  HSAP_UNROLL_TWICE  // more of it spills registers of the forward kernel
      for (int k = 0; k < A::columns; k += 16) {
    std::uint32_t left[Strips][4];
    HSAP_UNROLL
    for (int i = 0; i < Strips; ++i) gpu::load_matrices(left[i], a.block(row + 16 * i, k));
    HSAP_UNROLL
    for (int n = 0; n < Registers / 8; ++n) {
      std::uint32_t right[4];
      gpu::load_matrices(right, b.block(16 * n, k));
      HSAP_UNROLL
      for (int i = 0; i < Strips; ++i) {
        gpu::mma(d[i] + 8 * n, left[i], right[0], right[2]);
        gpu::mma(d[i] + 8 * n + 4, left[i], right[1], right[3]);
      }
    }
  }
}

/// d += A B for strips of A in registers, contracted along rows of B.
template <int Strips, int Registers, int Steps16, typename B>
HSAP_DEVICE void multiply_crossed(float (&d)[Strips][Registers],
                                  const std::uint32_t (&a)[Strips][Steps16][4], const B& b) {
  HSAP_UNROLL
  for (int k = 0; k < Steps16; ++k) {
    HSAP_UNROLL
    for (int n = 0; n < Registers / 8; ++n) {
      std::uint32_t right[4];
      gpu::load_matrices_crossed(right, b.block(16 * k, 16 * n));
      HSAP_UNROLL
      for (int i = 0; i < Strips; ++i) {
        gpu::mma(d[i] + 8 * n, a[i][k], right[0], right[1]);
        gpu::mma(d[i] + 8 * n + 4, a[i][k], right[2], right[3]);
      }
    }
  }
}

}  // namespace hsap::kernels
