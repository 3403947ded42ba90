#pragma once

/// The one layer between kernels and hardware. A kernel is written once, over these names; nvcc
/// compiles it to PTX, g++ to fibers of the host emulation, which runs it on small shapes and
/// reports what it does wrong.
///
///   threads   thread_index, warp_index, block_index, sync_block, named barriers, shuffles,
///             register budgets
///   memory    shared memory by 32-bit address, vector loads and stores, atomics
///   mbarrier  barriers in shared memory that also count bytes
///   tma       tile copies between device memory and shared memory
///   wgmma     matrix products of a warpgroup (sm_90a)
///   mma       matrix products of a warp, ldmatrix, stmatrix, cp.async (sm_80)
#ifdef __CUDACC__
#include "kernels/primitive/ptx/mbarrier.hpp"
#include "kernels/primitive/ptx/memory.hpp"
#include "kernels/primitive/ptx/mma.hpp"
#include "kernels/primitive/ptx/threads.hpp"
#include "kernels/primitive/ptx/tma.hpp"
#include "kernels/primitive/ptx/wgmma.hpp"
#else
#include "kernels/primitive/emulation/mbarrier.hpp"
#include "kernels/primitive/emulation/memory.hpp"
#include "kernels/primitive/emulation/mma.hpp"
#include "kernels/primitive/emulation/threads.hpp"
#include "kernels/primitive/emulation/tma.hpp"
#include "kernels/primitive/emulation/wgmma.hpp"
#endif
#include "kernels/primitive/bfloat16.hpp"
#include "kernels/primitive/fragments.hpp"
#include "kernels/primitive/matrix_descriptor.hpp"
#include "kernels/primitive/swizzle.hpp"
