#include "hsap/execute.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <numeric>
#include <thread>

#include "validate/host/post_office.hpp"
#include "validate/host/program.hpp"

namespace hsap {
namespace {

using namespace host;

/// Bytes that may wait on one lane. Small enough to make a schedule that sends ahead without
/// bounds visible, large enough for a few messages of a laptop's problem.
constexpr std::size_t lane_bytes = std::size_t{64} << 20;

Status check_memory(const BufferPlan& plan, Arithmetic arithmetic) {
  const std::int64_t bytes = plan_scale(arithmetic) *
                             std::accumulate(plan.bytes.begin(), plan.bytes.end(), std::int64_t{0});
  const std::int64_t machine =
      std::int64_t{::sysconf(_SC_PHYS_PAGES)} * std::int64_t{::sysconf(_SC_PAGESIZE)};
  if (bytes <= machine / 4 * 3) return {};
  return infeasible(fmt::format(
      "the buffers of all ranks need {} bytes, more than three quarters of the {} of this machine",
      bytes, machine));
}

/// One rank of a run, on a thread of its own.
template <typename T>
struct Worker {
  Worker(const Schedule& schedule, const BufferPlan& plan, const Meetings& meetings, Rank rank,
         Arithmetic arithmetic, PostOffice& office)
      : counter(office, rank), program(schedule, plan, meetings, rank, arithmetic, counter) {}

  Counter counter;
  Program<T> program;
};

template <typename T>
class Run {
 public:
  Run(const Schedule& schedule, const BufferPlan& plan, const ExecuteOptions& options)
      : schedule_(schedule),
        meetings_(find_meetings(schedule)),
        office_(schedule.ranks(), lane_bytes, options.patience_s) {
    for (Rank rank = 0; rank < schedule.ranks(); ++rank) {
      workers_.push_back(std::make_unique<Worker<T>>(schedule, plan, meetings_, rank,
                                                     options.arithmetic, office_));
    }
  }

  Status run(const Tensors& tensors) {
    std::vector<std::thread> threads;
    threads.reserve(workers_.size());
    for (Rank rank = 0; rank < schedule_.ranks(); ++rank) {
      threads.emplace_back([&, rank] {
        Program<T>& program = workers_[static_cast<std::size_t>(rank)]->program;
        program.read_inputs(tensors);
        office_.leave(rank, program.run() != Transport::Wake::look);
      });
    }
    for (std::thread& thread : threads) thread.join();
    std::string reports;
    for (const auto& worker : workers_) {
      if (!worker->program.done()) reports += worker->program.report();
    }
    if (!reports.empty()) {
      return infeasible("ranks wait for each other and none can go on:" + reports);
    }
    const std::string leftovers = office_.leftovers();
    if (leftovers.empty()) return {};
    return infeasible("messages that nobody received: " + leftovers);
  }

  void write_results(Tensors& tensors) {
    for (const auto& worker : workers_) worker->program.write_results(tensors);
  }

  [[nodiscard]] Execution record() const {
    Execution execution;
    for (const auto& worker : workers_) append(worker->program.record(), execution);
    return execution;
  }

 private:
  const Schedule& schedule_;
  Meetings meetings_;
  PostOffice office_;
  std::vector<std::unique_ptr<Worker<T>>> workers_;
};

template <typename T>
Result<Execution> execute_in(const Schedule& schedule, const BufferPlan& plan, Tensors& tensors,
                             const ExecuteOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  Run<T> run(schedule, plan, options);
  HSAP_CHECK(run.run(tensors));
  make_room(schedule, tensors);
  run.write_results(tensors);
  Execution execution = run.record();
  execution.wall_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return execution;
}

}  // namespace

std::int64_t Execution::sent(Rank from, Rank to) const {
  const std::size_t ranks = peak_buffer_bytes.size();
  return bytes_sent[static_cast<std::size_t>(from) * ranks + static_cast<std::size_t>(to)];
}

Result<Execution> execute(const Schedule& schedule, Tensors& tensors,
                          const ExecuteOptions& options) {
  const BufferPlan plan = plan_buffers(schedule);
  HSAP_CHECK(check_memory(plan, options.arithmetic));
  if (options.arithmetic == Arithmetic::fp64) {
    return execute_in<double>(schedule, plan, tensors, options);
  }
  return execute_in<float>(schedule, plan, tensors, options);
}

}  // namespace hsap
