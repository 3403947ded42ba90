#pragma once

#include <string>

#include "apps/topo/measure_world.hpp"

/// What `hsap-topo calibrate --gpu` measured as files of one folder, so that the fit can be
/// repeated without the GPU.
namespace hsap::apps {

/// The names that there may be in the folder.
inline constexpr const char* table_names[] = {"kernels.csv", "copies.csv", "machine.json",
                                              "runtime.json", "transfers.csv"};

/// Paths of the tables that a fit reads.
struct MeasuredTables {
  std::string kernels;
  std::string copies;
  std::string transfers;  ///< empty where no messages were measured
};

/// Writes them all. With `force` those of an older measurement go: where no messages were measured,
/// so does its table of them. Errors: more ranks sent messages from a node than `gpus_per_node`,
/// before anything is written; a file that exists or cannot be written.
[[nodiscard]] Result<MeasuredTables> write_tables(const WorldMeasured& found, int gpus_per_node,
                                                  const std::string& folder, bool force);

}  // namespace hsap::apps
