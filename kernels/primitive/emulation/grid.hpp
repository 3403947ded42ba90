#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "hsap/status.hpp"

/// The host back end: a grid whose threads are fibers.
///
/// Threads run in random order, from one point where they wait to the next. What the hardware does
/// asynchronously (TMA, wgmma, cp.async) happens at a random time before its wait returns, and
/// until then registers and shared memory that it will write hold NaN: a missing wait, fence or
/// barrier gives a wrong result or a report. It checks logic and our reading of the PTX manual, not
/// the memory model of the hardware, and no speed.
namespace hsap::gpu::emulation {

struct Launch {
  int blocks = 1;
  int threads = warp_threads;  ///< of a block; a multiple of 32
  std::size_t shared_bytes = 0;
  std::uint64_t seed = 1;  ///< of the order in which things happen

  static constexpr int warp_threads = 32;
};

/// Runs `kernel` once in every thread; all blocks at the same time.
/// Errors (internal): threads that wait for ever, with what each waits for; shared memory out of
/// bounds; lanes of a warp that call different things; wgmma or TMA reads of unfenced writes;
/// misaligned addresses.
[[nodiscard]] Status run(const Launch& launch, const std::function<void()>& kernel);

}  // namespace hsap::gpu::emulation
