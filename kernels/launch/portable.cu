#include "kernels/attention/backward_portable.hpp"
#include "kernels/attention/forward_portable.hpp"
#include "kernels/launch/start.cuh"

namespace hsap::kernels {
namespace {

/// Resident on a multiprocessor at the same time.
constexpr int forward_blocks = 2;
constexpr int backward_blocks = 1;

// shared_base() rounds its beginning up.
template <typename Kernel>
constexpr std::size_t shared_of = Kernel::shared_bytes + gpu::swizzle_atom_bytes;

template <int HeadDim>
__global__ void __launch_bounds__(ForwardPortable<HeadDim>::threads, forward_blocks)
    forward_portable(const __grid_constant__ ForwardArguments on) {
  ForwardPortable<HeadDim>::run(on);
}

template <int HeadDim>
__global__ void __launch_bounds__(BackwardPortable<HeadDim>::threads, backward_blocks)
    backward_portable(const __grid_constant__ BackwardArguments on) {
  BackwardPortable<HeadDim>::run(on);
}

template <int HeadDim>
int start_forward(const ForwardArguments& on, const Grid& grid) {
  using Kernel = ForwardPortable<HeadDim>;
  return start(forward_portable<HeadDim>, grid, Kernel::threads, shared_of<Kernel>, on);
}

template <int HeadDim>
int start_backward(const BackwardArguments& on, const Grid& grid) {
  using Kernel = BackwardPortable<HeadDim>;
  return start(backward_portable<HeadDim>, grid, Kernel::threads, shared_of<Kernel>, on);
}

template <int HeadDim>
KernelShape shape_of(Pass pass) {
  if (pass == Pass::forward) {
    return {{ForwardPortable<HeadDim>::rows, ForwardPortable<HeadDim>::keys}, forward_blocks};
  }
  return {{BackwardPortable<HeadDim>::keys, BackwardPortable<HeadDim>::queries}, backward_blocks};
}

}  // namespace

KernelShape portable_shape(Pass pass, int head_dim) {
  return head_dim == 64 ? shape_of<64>(pass) : shape_of<128>(pass);
}

int start_portable(int head_dim, const ForwardArguments& on, const Grid& grid) {
  return head_dim == 64 ? start_forward<64>(on, grid) : start_forward<128>(on, grid);
}

int start_portable(int head_dim, const BackwardArguments& on, const Grid& grid) {
  return head_dim == 64 ? start_backward<64>(on, grid) : start_backward<128>(on, grid);
}

}  // namespace hsap::kernels
