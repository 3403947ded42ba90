#pragma once

#include <cstdint>
#include <vector>

#include "hsap/cluster.hpp"
#include "hsap/runtime.hpp"
#include "hsap/schedule.hpp"
#include "hsap/status.hpp"

namespace hsap {

struct SimulateOptions {
  bool timeline = false;    ///< keep spans and link use
  int replicas = 1;         ///< data-parallel copies of the group of P ranks
  int tensor_parallel = 1;  ///< T: GPUs that share the heads of each rank; each of them runs the
                            ///< schedule among its like. Rank r of slice t of copy i sits on
                            ///< GPU (i*P + r)*T + t
  int told = 0;             ///< the copy whose ranks are told about
};

/// When one operation ran.
struct Span {
  Index operation = 0;
  double begin_s = 0;
  double end_s = 0;
};

/// Bytes per second on one link from a moment on.
struct LinkUse {
  LinkId link = 0;
  double at_s = 0;
  double bytes_per_s = 0;
};

struct RankTimes {
  double finish_s = 0;
  double compute_s = 0;                ///< time with a kernel running
  double communication_s = 0;          ///< time with a communication operation running
  double exposed_communication_s = 0;  ///< of it, time with no kernel running
  double host_s = 0;                   ///< time the host spent issuing
  std::int64_t bytes_sent = 0;
  std::int64_t bytes_sent_inter_node = 0;
  std::int64_t peak_buffer_bytes = 0;  ///< buffers alive at once
};

struct Simulation {
  double seconds = 0;            ///< slowest rank
  std::vector<RankTimes> ranks;  ///< of the first slice of the copy told about
  /// Per link: bytes carried for this copy and those that share links with it, directly or through
  /// others. Further copies do not slow it down and are not simulated.
  std::vector<double> link_busy_bytes;
  std::uint64_t events = 0;
  std::vector<Span> spans;        ///< by begin, then operation; only with timeline
  std::vector<LinkUse> link_use;  ///< by time; only with timeline
};

/// Runs the schedule on the cluster: P = schedule.ranks(), each copy and slice of it at once.
/// Deterministic: ties break by sequence number. Errors: the ranks do not fit the cluster, or
/// the schedule deadlocks (kind internal: verify() finds it first).
[[nodiscard]] Result<Simulation> simulate(const Schedule& schedule, const Cluster& cluster,
                                          const Runtime& runtime,
                                          const SimulateOptions& options = {});

struct SlowestCopy {
  Simulation simulation;  ///< with the events of all that were simulated
  int copy = 0;           ///< SimulateOptions::told
};
/// The same for the copy that takes longest, for which all wait, whatever copy `options` tell
/// about. Copies that lie alike across the borders of nodes and leaves take alike, so one of each
/// kind is simulated.
[[nodiscard]] Result<SlowestCopy> simulate_slowest(const Schedule& schedule, const Cluster& cluster,
                                                   const Runtime& runtime, SimulateOptions options);

}  // namespace hsap
