#pragma once

#include <functional>
#include <optional>
#include <string>

#include "hsap/status.hpp"

namespace hsap::world {

/// Where the processes of a run meet: a file that all of them see, or an address at which rank 0
/// listens.
struct Rendezvous {
  std::string file;  ///< empty: at `host` and `port`
  std::string host;
  int port = 0;

  /// As --rendezvous takes it: "file:/shared/run", "tcp://node1:29500".
  [[nodiscard]] std::string text() const;
};

/// Reads what text() writes; an IPv6 address stands in brackets.
[[nodiscard]] Result<Rendezvous> parse_rendezvous(const std::string& text);

/// Which process of a run this one is.
struct Place {
  int rank = 0;
  int size = 1;
  int local_rank = 0;  ///< among those of this machine: the number of its GPU
  std::string host;    ///< name of this machine
  Rendezvous meet;
};

/// The value of a variable, or nothing. A variable that is empty counts as missing.
using Environment = std::function<std::optional<std::string>(const char*)>;
[[nodiscard]] Environment process_environment();

/// Whether anything that starts ranks has started this process.
[[nodiscard]] bool has_place(const Environment& environment);

/// Reads the variables of torchrun (and of spawn_local), Open MPI, MPICH and its kin, and srun; the
/// first of them that gave this process a rank counts. `meet` goes before what they say.
/// Errors (bad_input) name the variable: one that is missing, no number, out of range, or against
/// another one.
[[nodiscard]] Result<Place> find_place(const Environment& environment,
                                       const std::optional<Rendezvous>& meet = {});

}  // namespace hsap::world
