// Runs a schedule that lacks one side of a message, over MPI, and prints what the executor says.
// Usage: stuck lost-send|lost-receive

#include <cstdio>
#include <string>

#include "schedule/builder.hpp"
#include "validate/mpi/execute_mpi.hpp"

namespace {

using namespace hsap;

/// Rank 0 sends a row of k to rank 1; one side of it is not there.
Schedule one_sided(bool sends) {
  ScheduleBuilder build(Pass::forward, 1, {.query = 1, .key_value = 1, .dim = 8});
  for (Rank rank = 0; rank < 2; ++rank) {
    const Range rows = build.intervals({{0, 1, 1}});
    build.begin_rank(rank == 0 ? rows : build.intervals({}));
    const Usage usage = rank == 0 ? Usage::input : Usage::staging;
    const Index k = build.buffer(Role::k, usage, Dtype::fp32, {0, 1}, rows);
    if ((rank == 0) != sends) continue;
    build.exchange(Stream::keys);
    if (sends) {
      build.send(1, k, rows, {0, 1});
    } else {
      build.receive(0, k, rows, {0, 1});
    }
  }
  return build.finish();
}

}  // namespace

int main(int, char** argv) {
  mpi::Session session;
  Tensors tensors;
  tensors[Role::k] = Tensor(1, 1, 8, 1.0);
  const Schedule schedule = one_sided(std::string(argv[1]) == "lost-receive");
  const auto result = session.execute(schedule, tensors, {.patience_s = 0.5});
  if (session.speaks()) std::puts(result ? "done" : result.error().text().c_str());
  std::fflush(stdout);
  return result ? 0 : 1;
}
