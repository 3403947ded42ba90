#include "measure.hpp"

#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <new>

namespace hsap::bench {
namespace {

constexpr int no_memory_left = 3;

[[noreturn]] void run_child(const std::function<Figures()>& work, const Limits& limits, int pipe) {
  const auto bytes = static_cast<rlim_t>(limits.bytes);
  const rlimit space{bytes, bytes};
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_AS, &space);
  const itimerval time{{0, 0}, {static_cast<time_t>(limits.seconds), 0}};
  setitimer(ITIMER_PROF, &time, nullptr);
  setrlimit(RLIMIT_CORE, &no_core);
  std::set_new_handler([] { _exit(no_memory_left); });
  const Figures figures = work();
  const bool wrote = write(pipe, &figures, sizeof figures) == sizeof figures;
  _exit(wrote ? 0 : 1);
}

Outcome outcome_of(int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return Outcome::done;
  if (WIFEXITED(status) && WEXITSTATUS(status) == no_memory_left) return Outcome::too_large;
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF ? Outcome::too_slow : Outcome::failed;
}

}  // namespace

Measured measure(const std::function<Figures()>& work, const Limits& limits) {
  Measured measured;
  int pipes[2];
  if (pipe(pipes) != 0) return measured;
  const pid_t child = fork();
  if (child == 0) run_child(work, limits, pipes[1]);
  close(pipes[1]);
  // Far less than a pipe holds, so it comes whole or not at all.
  const bool complete =
      read(pipes[0], &measured.figures, sizeof measured.figures) == sizeof measured.figures;
  close(pipes[0]);
  int status = 0;
  rusage usage{};
  if (child < 0 || wait4(child, &status, 0, &usage) != child) return measured;
  measured.outcome = outcome_of(status);
  if (measured.outcome == Outcome::done && !complete) measured.outcome = Outcome::failed;
  measured.peak_bytes = usage.ru_maxrss * std::int64_t{1024};
  return measured;
}

}  // namespace hsap::bench
