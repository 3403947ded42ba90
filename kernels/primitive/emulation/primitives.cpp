#include <array>
#include <cstring>
#include <string>

#include "kernels/primitive/emulation/mbarrier.hpp"
#include "kernels/primitive/emulation/mma.hpp"
#include "kernels/primitive/emulation/threads.hpp"
#include "kernels/primitive/emulation/wgmma.hpp"
#include "kernels/primitive/fragments.hpp"

namespace hsap::gpu {

using emulation::Block;
using emulation::current;

namespace {

/// Counts the caller. True when it is the last of `threads`.
bool come(emulation::NamedBarrier& barrier, int threads) {
  if (++barrier.come < threads) return false;
  barrier.come = 0;
  current().block->grid.wake(barrier.waiting);
  return true;
}

emulation::Mbarrier& mbarrier_at(SharedAddress address) {
  Block& block = *current().block;
  const auto found = block.mbarriers.find(address);
  if (found == block.mbarriers.end()) {
    block.grid.fail("no mbarrier was made at shared address " + std::to_string(address));
  }
  return found->second;
}

emulation::Warpgroup& warpgroup() {
  const emulation::Thread& thread = current();
  return thread.block->warpgroups.at(static_cast<std::size_t>(thread.index / warpgroup_size));
}

}  // namespace

void named_barrier_sync(int id, int threads) {
  emulation::NamedBarrier& barrier = current().block->named[id];
  if (!come(barrier, threads)) {
    current().block->grid.wait(barrier.waiting, "named barrier " + std::to_string(id));
  }
}

void named_barrier_arrive(int id, int threads) { come(current().block->named[id], threads); }

void sync_block() { named_barrier_sync(0, static_cast<int>(current().block->threads.size())); }

void mbarrier_init(SharedAddress barrier, int arrivals) {
  Block& block = *current().block;
  block.shared(barrier, 8, "mbarrier_init");
  emulation::Mbarrier made;
  made.arrivals = made.missing = arrivals;
  block.mbarriers[barrier] = made;
}

void mbarrier_arrive(SharedAddress barrier) {
  emulation::Mbarrier& at = mbarrier_at(barrier);
  if (at.missing == 0) current().block->grid.fail("mbarrier: more arrivals than its count");
  --at.missing;
  current().block->barrier_progress(at);
}

void mbarrier_arrive_expect(SharedAddress barrier, std::uint32_t bytes) {
  mbarrier_at(barrier).bytes += bytes;
  mbarrier_arrive(barrier);
}

void mbarrier_wait(SharedAddress barrier, int parity) {
  emulation::Mbarrier& at = mbarrier_at(barrier);
  while (at.parity == parity) {
    current().block->grid.wait(at.waiting, "mbarrier_wait at " + std::to_string(barrier) +
                                               " for parity " + std::to_string(parity));
  }
}

void wgmma_fence() { warpgroup().fence(thread_index() % warpgroup_size); }
void wgmma_commit() { warpgroup().commit(thread_index() % warpgroup_size); }

void wgmma_wait_all_but(int open) {
  emulation::Thread& thread = current();
  Block& block = *thread.block;
  emulation::Warpgroup& group = warpgroup();
  emulation::meet(block.warpgroup_meetings[static_cast<std::size_t>(thread.index / warpgroup_size)],
                  thread.index % warpgroup_size, warpgroup_size, nullptr, "wgmma_wait",
                  [&](std::span<void* const>) { group.finish(block, open); });
}

void issue_product(const emulation::Product& call, float* d, const std::uint32_t* a) {
  warpgroup().issue(*current().block, thread_index() % warpgroup_size, call, d, a);
}

void mma(float* d, const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
  struct Lane {
    float* d;
    const std::uint32_t* a;
    std::uint32_t b[2];
  } mine{d, a, {b0, b1}};
  const auto part = [](std::uint32_t word, int half) {
    return to_float(Bfloat16{static_cast<std::uint16_t>(half == 0 ? word : word >> 16)});
  };
  emulation::meet_warp(&mine, "mma", [&](std::span<void* const> lanes) {
    std::array<std::array<float, 16>, 16> left{};
    std::array<std::array<float, 8>, 16> right{};
    for (int lane = 0; lane < warp_size; ++lane) {
      const auto* of = static_cast<const Lane*>(lanes[static_cast<std::size_t>(lane)]);
      for (int half = 0; half < 2; ++half) {
        for (int i = 0; i < 4; ++i) {
          const Place at = operand_a_place(lane, i, half);
          left[static_cast<std::size_t>(at.row)][static_cast<std::size_t>(at.column)] =
              part(of->a[i], half);
        }
        for (int i = 0; i < 2; ++i) {
          const Place at = operand_b_place(lane, i, half);
          right[static_cast<std::size_t>(at.row)][static_cast<std::size_t>(at.column)] =
              part(of->b[i], half);
        }
      }
    }
    std::array<std::array<float, 8>, 16> sums{};
    for (std::size_t row = 0; row < 16; ++row) {
      for (std::size_t k = 0; k < 16; ++k) {
        for (std::size_t column = 0; column < 8; ++column) {
          sums[row][column] += left[row][k] * right[k][column];
        }
      }
    }
    for (int lane = 0; lane < warp_size; ++lane) {
      for (int i = 0; i < 4; ++i) {
        const Place at = accumulator_place(lane, i);
        static_cast<const Lane*>(lanes[static_cast<std::size_t>(lane)])->d[i] +=
            sums[static_cast<std::size_t>(at.row)][static_cast<std::size_t>(at.column)];
      }
    }
  });
}

namespace {

/// Moves four 8 x 8 matrices between registers and shared memory; by columns when `crossed`.
void move_matrices(std::uint32_t* registers, SharedAddress row, bool crossed, bool to_shared,
                   const char* what) {
  struct Lane {
    std::uint32_t* registers;
    SharedAddress row;
  } mine{registers, row};
  Block& block = *current().block;
  emulation::meet_warp(&mine, what, [&](std::span<void* const> lanes) {
    for (int lane = 0; lane < warp_size; ++lane) {
      auto* of = static_cast<Lane*>(lanes[static_cast<std::size_t>(lane)]);
      for (int matrix = 0; matrix < 4; ++matrix) {
        for (int half = 0; half < 2; ++half) {
          const int along = lane / 4;
          const int across = 2 * (lane % 4) + half;
          const int i = crossed ? across : along;
          const int j = crossed ? along : across;
          const int names = 8 * matrix + i;
          const SharedAddress begin =
              static_cast<Lane*>(lanes[static_cast<std::size_t>(names)])->row;
          if (begin % 16 != 0) block.grid.fail(std::string(what) + " at a misaligned row");
          std::byte* place = block.shared(begin + static_cast<std::uint32_t>(2 * j), 2, what);
          auto* word = reinterpret_cast<std::byte*>(&of->registers[matrix]) + (half == 0 ? 0 : 2);
          if (to_shared) {
            std::memcpy(place, word, 2);
          } else {
            std::memcpy(word, place, 2);
          }
        }
      }
    }
  });
  if (to_shared) block.wrote(row, 16);
}

}  // namespace

void load_matrices(std::uint32_t (&to)[4], SharedAddress row) {
  move_matrices(to, row, false, false, "load_matrices");
}
void load_matrices_crossed(std::uint32_t (&to)[4], SharedAddress row) {
  move_matrices(to, row, true, false, "load_matrices_crossed");
}
void store_matrices(SharedAddress row, const std::uint32_t (&from)[4]) {
  std::uint32_t words[4] = {from[0], from[1], from[2], from[3]};
  move_matrices(words, row, false, true, "store_matrices");
}
void store_matrices_crossed(SharedAddress row, const std::uint32_t (&from)[4]) {
  std::uint32_t words[4] = {from[0], from[1], from[2], from[3]};
  move_matrices(words, row, true, true, "store_matrices_crossed");
}

void copy_async(SharedAddress to, const void* from, bool valid) {
  emulation::Thread& thread = current();
  std::byte* place = thread.block->shared(to, 16, "copy_async");
  if (valid && reinterpret_cast<std::uintptr_t>(from) % 16 != 0) {
    thread.block->grid.fail("copy_async from a misaligned address");
  }
  std::memset(place, 0xff, 16);
  emulation::Block* block = thread.block;
  const std::size_t granule = to / 16;
  if (block->copying[granule]) {
    block->grid.fail("copy_async to shared address " + std::to_string(to) +
                     ", which an earlier copy has yet to write");
  }
  block->copying[granule] = true;
  const auto copy = std::make_shared<emulation::Deferred>();
  copy->act = [block, granule, place, from, valid] {
    block->copying[granule] = false;
    if (valid) {
      std::memcpy(place, from, 16);
    } else {
      std::memset(place, 0, 16);
    }
  };
  thread.copies.add(copy);
  thread.block->grid.defer(copy);
}

}  // namespace hsap::gpu
