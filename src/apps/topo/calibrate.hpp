#pragma once

#include <string>
#include <vector>

#include "apps/topo/measure_world.hpp"
#include "cli/options.hpp"

namespace hsap::apps {

/// What `hsap-topo calibrate` is asked for.
struct CalibrateFlags {
  std::string cluster;  ///< name or path of the base; with --gpu one that has such GPUs
  int nodes = 0;        ///< 0: as many as the transfers name
  std::vector<std::string> kernels;
  std::vector<std::string> copies;
  std::vector<std::string> transfers;
  std::vector<std::string> nccl;
  std::string name;                    ///< of the new cluster
  std::string output;                  ///< the cluster file, "-" for stdout, or empty
  std::string picture;                 ///< the same
  bool gpu = false;                    ///< measure first
  std::string tables = "calibration";  ///< folder of what --gpu measures
  double budget_s = 60;
  WorldFlags world;  ///< of --gpu with several GPUs
  cli::OutputOptions out;
};

/// Registers the subcommand.
void add_calibrate(cli::Command& app, CalibrateFlags& flags);

/// Reads or measures, fits, tells and writes. `command` is how this program was called, to start
/// ranks of it.
[[nodiscard]] Status run_calibrate(const CalibrateFlags& flags,
                                   const std::vector<std::string>& command);

}  // namespace hsap::apps
