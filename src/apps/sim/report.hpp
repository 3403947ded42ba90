#pragma once

#include <span>
#include <string>

#include "apps/sim/run.hpp"

namespace hsap {

/// What a person wants to know about one strategy: attention, step and memory for each batch,
/// and what limits the run.
[[nodiscard]] std::string report_one(const SimRun& run, const Setting& setting, bool color);

/// One row for each legal strategy, fastest first, then why the others are not possible.
/// `wall_s` is what the whole sweep took.
[[nodiscard]] std::string report_sweep(std::span<const SimRun> runs, const Setting& setting,
                                       double wall_s, bool color);

/// The legal runs by tokens per second of the whole cluster, most first, those that do not fit the
/// device after all others; ties keep their order.
[[nodiscard]] std::vector<const SimRun*> by_time(std::span<const SimRun> runs, double device_bytes);

}  // namespace hsap
