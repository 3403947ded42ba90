#pragma once

#include "hsap/kernels.hpp"
#include "kernels/attention/arguments.hpp"
#include "kernels/tiles/tile_list.hpp"

/// What nvcc compiles and g++ calls. Operands have been checked. Every function returns a
/// cudaError_t.
namespace hsap::kernels {

struct Grid {
  int blocks = 0;
  CudaStream stream = nullptr;
};

/// What a plan has to know of an attention kernel.
struct KernelShape {
  TileShape tile;
  int blocks_of_sm = 1;  ///< resident at the same time
};

[[nodiscard]] KernelShape hopper_shape(Pass pass, int head_dim);
[[nodiscard]] int start_hopper(int head_dim, const ForwardArguments& on, const ForwardMaps& maps,
                               const Grid& grid);
[[nodiscard]] int start_hopper(int head_dim, const BackwardArguments& on, const BackwardMaps& maps,
                               const Grid& grid);

[[nodiscard]] KernelShape portable_shape(Pass pass, int head_dim);
[[nodiscard]] int start_portable(int head_dim, const ForwardArguments& on, const Grid& grid);
[[nodiscard]] int start_portable(int head_dim, const BackwardArguments& on, const Grid& grid);

/// Blocks of an element-wise kernel that an SM runs at the same time: with 256 threads each, all
/// that it has room for.
inline constexpr int line_blocks_of_sm = 8;

[[nodiscard]] int start_move(const Tensor& from, const Tensor& to, const RowMap& rows, int heads,
                             bool add, const Grid& grid);
[[nodiscard]] int start_merge(const Tensor& part_o, const Tensor& part_lse, const Tensor& o,
                              const Tensor& lse, const RowMap& rows, int heads, const Grid& grid);
[[nodiscard]] int start_delta(const Tensor& o, const Tensor& dout, const Tensor& delta,
                              const RowMap& rows, int heads, const Grid& grid);

/// Lines (rows of one head) that a block of an element-wise kernel takes at a time.
[[nodiscard]] int lines_of_block(const Tensor& a, const Tensor& b);

}  // namespace hsap::kernels
