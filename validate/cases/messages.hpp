#pragma once

#include "hsap/schedule.hpp"
#include "validate/cases/case_file.hpp"

/// The smallest schedules that say what a measured communication does: one rank for each GPU of the
/// cluster, of which some send and receive. They are simulated and never run, so their rows mean
/// nothing.
namespace hsap::cases {

[[nodiscard]] Schedule schedule_of(const Transfers& work, int gpus);

/// Rings of NCCL over all GPUs; an all-reduce is a reduce-scatter and an all-gather. Errors: an
/// all-to-all of more than 4,096 GPUs (infeasible).
[[nodiscard]] Result<Schedule> schedule_of(const Collective& work, const Cluster& cluster);

/// A kernel beside an exchange of the first GPU with the first of the last node (its neighbour, on
/// one node), each of the size that takes its time alone. Errors: one GPU, a message shorter than
/// the latency or beyond a TiB (infeasible).
[[nodiscard]] Result<Schedule> schedule_of(const Overlap& work, const Cluster& cluster);

}  // namespace hsap::cases
