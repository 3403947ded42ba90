#include "kernels/elementwise/delta.hpp"
#include "kernels/elementwise/merge.hpp"
#include "kernels/elementwise/move_rows.hpp"
#include "kernels/launch/start.cuh"

namespace hsap::kernels {
namespace {

template <typename From, typename To, int Columns>
__global__ void __launch_bounds__(line_threads, line_blocks_of_sm)
    move_rows_kernel(const __grid_constant__ MoveArguments<From, To> on) {
  MoveRows<From, To, Columns>::run(on);
}

template <typename Part, typename Whole, int Columns>
__global__ void __launch_bounds__(line_threads, line_blocks_of_sm)
    merge_kernel(const __grid_constant__ MergeArguments<Part, Whole> on) {
  Merge<Part, Whole, Columns>::run(on);
}

template <typename O, typename Dout, int Columns>
__global__ void __launch_bounds__(line_threads, line_blocks_of_sm)
    delta_kernel(const __grid_constant__ DeltaArguments<O, Dout> on) {
  Delta<O, Dout, Columns>::run(on);
}

template <typename T>
Rows<T> rows_of(const Tensor& tensor) {
  return {static_cast<T*>(tensor.data), tensor.row_stride, tensor.head_stride};
}

/// Calls use with a number of either type.
template <typename Use>
auto with_type(Dtype dtype, Use use) {
  return dtype == Dtype::bf16 ? use(gpu::Bfloat16{}) : use(float{});
}
template <typename Use>
auto with_types(const Tensor& a, const Tensor& b, Use use) {
  return with_type(a.dtype,
                   [&](auto x) { return with_type(b.dtype, [&](auto y) { return use(x, y); }); });
}

}  // namespace

int start_move(const Tensor& from, const Tensor& to, const RowMap& rows, int heads, bool add,
               const Grid& grid) {
  return with_types(from, to, [&](auto x, auto y) {
    using From = decltype(x);
    using To = decltype(y);
    const MoveArguments<From, To> on = {rows_of<const From>(from), rows_of<To>(to), rows, heads,
                                        add};
    if (to.columns == 1) return start(move_rows_kernel<From, To, 1>, grid, line_threads, 0, on);
    if (to.columns == 64) return start(move_rows_kernel<From, To, 64>, grid, line_threads, 0, on);
    return start(move_rows_kernel<From, To, 128>, grid, line_threads, 0, on);
  });
}

int start_merge(const Tensor& part_o, const Tensor& part_lse, const Tensor& o, const Tensor& lse,
                const RowMap& rows, int heads, const Grid& grid) {
  return with_types(part_o, o, [&](auto x, auto y) {
    using Part = decltype(x);
    using Whole = decltype(y);
    const MergeArguments<Part, Whole> on = {rows_of<const Part>(part_o),
                                            rows_of<const float>(part_lse),
                                            rows_of<Whole>(o),
                                            rows_of<float>(lse),
                                            rows,
                                            heads};
    if (o.columns == 64) return start(merge_kernel<Part, Whole, 64>, grid, line_threads, 0, on);
    return start(merge_kernel<Part, Whole, 128>, grid, line_threads, 0, on);
  });
}

int start_delta(const Tensor& o, const Tensor& dout, const Tensor& delta, const RowMap& rows,
                int heads, const Grid& grid) {
  return with_types(o, dout, [&](auto x, auto y) {
    using O = decltype(x);
    using Dout = decltype(y);
    const DeltaArguments<O, Dout> on = {rows_of<const O>(o), rows_of<const Dout>(dout),
                                        rows_of<float>(delta), rows, heads};
    if (o.columns == 64) return start(delta_kernel<O, Dout, 64>, grid, line_threads, 0, on);
    return start(delta_kernel<O, Dout, 128>, grid, line_threads, 0, on);
  });
}

int lines_of_block(const Tensor& a, const Tensor& b) {
  return with_types(a, b, [&](auto x, auto y) {
    return line_threads * (b.columns == 1 ? 1 : line_width<decltype(x), decltype(y), 128>) /
           b.columns;
  });
}

}  // namespace hsap::kernels
