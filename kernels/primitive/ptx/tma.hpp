#pragma once

#include "kernels/primitive/ptx/memory.hpp"
#include "kernels/primitive/tensor_map.hpp"

/// Tile copies by the tensor memory accelerator, issued by one thread.
namespace hsap::gpu {

/// Hides the latency of the first use of a map.
HSAP_DEVICE void tma_prefetch(const TensorMap& map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory");
}

/// Copies the box at (column, head, row) to shared memory and counts its bytes on the barrier.
HSAP_DEVICE void tma_load(const TensorMap& map, SharedAddress to, SharedAddress barrier, int column,
                          int head, int row) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], "
      "[%1, {%2, %3, %4}], [%5];" ::"r"(to),
      "l"(&map), "r"(column), "r"(head), "r"(row), "r"(barrier)
      : "memory");
}

/// Copies a box from shared memory, or adds it (fp32). Part of this thread's open group.
HSAP_DEVICE void tma_store(const TensorMap& map, SharedAddress from, int column, int head,
                           int row) {
  asm volatile(
      "cp.async.bulk.tensor.3d.global.shared::cta.bulk_group [%0, {%2, %3, %4}], [%1];" ::"l"(&map),
      "r"(from), "r"(column), "r"(head), "r"(row)
      : "memory");
}
HSAP_DEVICE void tma_add(const TensorMap& map, SharedAddress from, int column, int head, int row) {
  asm volatile(
      "cp.reduce.async.bulk.tensor.3d.global.shared::cta.add.bulk_group [%0, {%2, %3, %4}], "
      "[%1];" ::"l"(&map),
      "r"(from), "r"(column), "r"(head), "r"(row)
      : "memory");
}
/// Closes the open group of stores.
HSAP_DEVICE void tma_commit() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }
/// Waits until all but the latest `Open` groups have read their shared memory.
template <int Open>
HSAP_DEVICE void tma_wait_read() {
  asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(Open) : "memory");
}

}  // namespace hsap::gpu
