#pragma once

#include <cstdint>

#include "measure.hpp"

/// The scenarios that run through hsap and through SimGrid. Both see the same kernels, bytes and
/// bandwidths; hsap's engine also follows latencies and the host's issue cost.
namespace hsap::bench {

/// One pass of ring attention: each of N ranks runs N kernels and passes N - 1 messages on to the
/// next rank while they run. Nodes of 8 GPUs as in dgx-h100; the last GPU of a node sends through
/// its NIC.
struct Ring {
  int ranks = 0;
  double kernel_s = 0;
  std::uint64_t message_bytes = 0;
};
inline constexpr int ring_node = 8;
inline constexpr double nvlink_bytes_per_s = 360e9;
inline constexpr double nic_bytes_per_s = 45e9;

/// Every rank sends to every other one at once, through one link out of each rank and one into
/// each.
struct AllToAll {
  int ranks = 0;
  double jitter = 0;  ///< sizes differ by up to this share of their mean, either way
};
inline constexpr std::uint64_t mean_rows = 4096;  ///< of a transfer
inline constexpr std::uint64_t row_bytes = 256;   ///< 128 numbers in bf16

/// Rows that `from` sends to `to`: drawn from the pair, so that nothing needs to be kept.
std::uint64_t rows_between(const AllToAll& scenario, int from, int to);

/// The ring for `ranks` ranks of 8,192 tokens, 32 query heads and 8 key/value heads of 128, every
/// pair unmasked.
Ring make_ring(int ranks);

/// hsap, everything on: compile, then the engine with streams, host issue and memory.
Figures run_hsap(const Ring& ring);
/// The same engine on a schedule of one exchange.
Figures run_hsap(const AllToAll& scenario);
/// hsap's network alone, as predictions use it.
Figures run_network(const AllToAll& scenario);
/// Its exact mode, which then runs the default mode too and tells how far that is off.
Figures run_exact(const AllToAll& scenario);

#ifdef HSAP_BENCH_SIMGRID
Figures run_simgrid(const Ring& ring);
Figures run_simgrid(const AllToAll& scenario);
#endif

}  // namespace hsap::bench
