#pragma once

#include "hsap/execute.hpp"

/// The host executor across machines: one process per rank.
namespace hsap::mpi {

/// MPI for the life of a program; started by mpirun. After a run that failed the end aborts all
/// processes, as messages may still be under way.
class Session {
 public:
  Session();
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Whether this process tells the result.
  [[nodiscard]] bool speaks() const { return rank_ == 0; }

  /// Every process says how it fared and calls this; all fail when one did. The process that speaks
  /// gets the texts, each once; the others an error of the same kind without text.
  [[nodiscard]] Status agree(const Status& own);

  /// execute() with the ranks of MPI_COMM_WORLD. Every process calls it with the same schedule and
  /// inputs and holds all results afterwards, equal bit for bit to those of threads.
  /// Errors: another number of processes than ranks (bad_input); a message of 2 GiB or more, or
  /// ranks that waited too long, with who waits for what; messages that nobody took (infeasible).
  [[nodiscard]] Result<Execution> execute(const Schedule& schedule, Tensors& tensors,
                                          const ExecuteOptions& options);

 private:
  int rank_ = 0;
  int size_ = 1;
  bool failed_ = false;
};

}  // namespace hsap::mpi
