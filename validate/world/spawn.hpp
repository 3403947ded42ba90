#pragma once

#include <string>
#include <vector>

#include "validate/world/child.hpp"
#include "validate/world/place.hpp"

namespace hsap::world {

struct SpawnOptions {
  double grace_s = 5;  ///< for the others to end by themselves once one has failed, then SIGTERM
  double term_s = 2;   ///< from SIGTERM to SIGKILL
  /// Get the lines of all ranks, with the rank before those of all but 0.
  Sink out;
  Sink err;
};

/// How one rank ended.
struct RankEnd {
  int rank = 0;
  int exit_code = 0;
  int signal = 0;        ///< that killed it, or 0
  bool stopped = false;  ///< this process sent it a signal before
  double at_s = 0;       ///< since the start

  [[nodiscard]] bool well() const { return exit_code == 0 && signal == 0; }
};

struct SpawnReport {
  std::vector<RankEnd> ends;  ///< by rank
  int interrupted = 0;        ///< SIGINT, SIGTERM or SIGHUP that this process got, or 0

  /// 0 when all ended well; 128 + signal when interrupted; otherwise that of the likely cause: 1 or
  /// 2 as it stands, 1 for anything else.
  [[nodiscard]] int exit_code() const;
  /// Who failed and how, the likely cause first; empty when nobody did.
  [[nodiscard]] std::string text() const;
};

/// Starts the command once for each rank on this machine, with the variables of torchrun and a free
/// port, and waits for all. Children do not outlive this process, however it ends; SIGINT, SIGTERM
/// and SIGHUP reach them, and a second one kills them. One call at a time.
/// Errors: no such program (bad_input); no process can be started (infeasible).
[[nodiscard]] Result<SpawnReport> spawn_local(int ranks, const std::vector<std::string>& command,
                                              const SpawnOptions& options);

/// The command line of this process, with the path of its program.
[[nodiscard]] std::vector<std::string> this_command(int argc, const char* const* argv);

/// Whether spawn_local() has started this process.
[[nodiscard]] bool is_spawned(const Environment& environment);

}  // namespace hsap::world
