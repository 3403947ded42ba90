#pragma once

#include <string>

#include "cli/options.hpp"
#include "cluster/import/import.hpp"

namespace hsap::apps {

/// What `hsap-topo import` is asked for.
struct ImportFlags {
  std::string file;
  topo::ImportOptions options;
  std::string output;  ///< the cluster file, or empty
  cli::OutputOptions out;
};

/// Registers the subcommand.
void add_import(cli::Command& app, ImportFlags& flags);

/// Reads, tells and writes.
[[nodiscard]] Status run_import(const ImportFlags& flags);

}  // namespace hsap::apps
