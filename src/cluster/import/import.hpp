#pragma once

#include <string>
#include <vector>

#include "cluster/import/complete.hpp"
#include "hsap/cluster.hpp"

namespace hsap::topo {

/// What became of one device of the file.
struct Origin {
  std::string device;      ///< in the cluster: "gpu0"
  std::string part;        ///< in the file: "0000:0f:00.0"
  int index = -1;          ///< of that part; -1 for NVSwitches, which have none
  std::string joined_to;   ///< the device above it: "pcie_switch0"; empty at the top
  double bytes_per_s = 0;  ///< of that link
};

/// One number or decision and where it is from.
struct Reason {
  std::string what;
  std::string value;
  std::string why;
};

/// A cluster and how it came about.
struct Imported {
  std::string format;
  ClusterSpec spec;
  std::vector<Origin> origins;  ///< in the order of the devices of `spec`
  std::vector<Reason> reasons;
  std::vector<std::string> columns;           ///< devices of `paths`: all GPUs, then all NICs
  std::vector<std::vector<PathClass>> paths;  ///< [GPU][column]; empty when too many to list
  std::vector<Warning> warnings;
};

/// More columns than this are not listed in Imported::paths.
inline constexpr std::size_t max_path_columns = 256;

/// Reads the topology of one machine and makes a cluster file of such machines out of it.
/// Rates are those that NCCL plans with; latencies, ramps and the GPU itself are lent by a shipped
/// cluster (docs/importers.md). Errors name file and line.
[[nodiscard]] Result<Imported> import_topology(const std::string& path,
                                               const ImportOptions& options);

/// The same for text that is in memory; `file` only names it.
[[nodiscard]] Result<Imported> import_text(const std::string& text, const std::string& file,
                                           const ImportOptions& options);

/// Names of the formats, for --from.
[[nodiscard]] Result<std::string> parse_format(const std::string& text);

}  // namespace hsap::topo
