#include "kernels/attention/backward_hopper.hpp"
#include "kernels/attention/forward_hopper.hpp"
#include "kernels/launch/start.cuh"

namespace hsap::kernels {
namespace {

// shared_base() rounds its beginning up.
template <typename Kernel>
constexpr std::size_t shared_of = Kernel::shared_bytes + gpu::swizzle_atom_bytes;

template <int HeadDim>
__global__ void __launch_bounds__(ForwardHopper<HeadDim>::threads, 1)
    forward_hopper(const __grid_constant__ ForwardArguments on,
                   const __grid_constant__ ForwardMaps maps) {
  ForwardHopper<HeadDim>::run(on, maps);
}

template <int HeadDim>
__global__ void __launch_bounds__(BackwardHopper<HeadDim>::threads, 1)
    backward_hopper(const __grid_constant__ BackwardArguments on,
                    const __grid_constant__ BackwardMaps maps) {
  BackwardHopper<HeadDim>::run(on, maps);
}

template <int HeadDim>
int start_forward(const ForwardArguments& on, const ForwardMaps& maps, const Grid& grid) {
  using Kernel = ForwardHopper<HeadDim>;
  return start(forward_hopper<HeadDim>, grid, Kernel::threads, shared_of<Kernel>, on, maps);
}

template <int HeadDim>
int start_backward(const BackwardArguments& on, const BackwardMaps& maps, const Grid& grid) {
  using Kernel = BackwardHopper<HeadDim>;
  return start(backward_hopper<HeadDim>, grid, Kernel::threads, shared_of<Kernel>, on, maps);
}

template <int HeadDim>
KernelShape shape_of(Pass pass) {
  if (pass == Pass::forward) return {{ForwardHopper<HeadDim>::rows, ForwardHopper<HeadDim>::keys}};
  return {{BackwardHopper<HeadDim>::keys, BackwardHopper<HeadDim>::queries}};
}

}  // namespace

KernelShape hopper_shape(Pass pass, int head_dim) {
  return head_dim == 64 ? shape_of<64>(pass) : shape_of<128>(pass);
}

int start_hopper(int head_dim, const ForwardArguments& on, const ForwardMaps& maps,
                 const Grid& grid) {
  return head_dim == 64 ? start_forward<64>(on, maps, grid) : start_forward<128>(on, maps, grid);
}

int start_hopper(int head_dim, const BackwardArguments& on, const BackwardMaps& maps,
                 const Grid& grid) {
  return head_dim == 64 ? start_backward<64>(on, maps, grid) : start_backward<128>(on, maps, grid);
}

}  // namespace hsap::kernels
