#include "apps/sim/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>

#include "cli/parallel.hpp"
#include "cli/program.hpp"
#include "export/timeline/chrome_trace.hpp"
#include "hsap/compile.hpp"

namespace hsap {
namespace {

using Clock = std::chrono::steady_clock;

/// One batch of one strategy.
struct Task {
  std::optional<Result<BatchPrediction>> answer;
  Clock::time_point begin;
  Clock::time_point end;
};

/// Why a strategy cannot be compiled for one of the batches; nothing when it can.
std::optional<std::string> why_illegal(const Strategy& strategy, std::span<const Batch> batches,
                                       const Setting& setting) {
  for (const Batch& batch : batches) {
    const Result<Problem> problem = problem_of(batch, setting);
    if (!problem) return problem.error().text();
    if (auto reason = illegal(*problem, strategy)) return reason;
  }
  return std::nullopt;
}

/// Moves the answers of one strategy's batches into its run, or why there is none.
Status collect(std::span<Task> tasks, const Setting& setting, SimRun& run) {
  Clock::time_point begin = tasks.front().begin;
  Clock::time_point end = tasks.front().end;
  for (Task& task : tasks) {
    if (!*task.answer && task.answer->error().kind == ErrorKind::infeasible) {
      run.illegal = task.answer->error().text();
      run.prediction.batches.clear();
      return {};
    }
    if (!*task.answer) return task.answer->error();
    run.prediction.batches.push_back(std::move(*task.answer).value());
    begin = std::min(begin, task.begin);
    end = std::max(end, task.end);
  }
  Prediction& prediction = run.prediction;
  if (prediction.batches.front().step) {
    HSAP_TRY(const Pipeline pipeline, pipeline_of(setting));
    prediction.step =
        expected_step(prediction.batches, pipeline, prediction.replicas, prediction.sharing);
  }
  run.wall_s = std::chrono::duration<double>(end - begin).count();
  return {};
}

Result<SimRun> prepare(const Strategy& strategy, std::span<const Batch> batches,
                       const Setting& setting) {
  SimRun run;
  HSAP_TRY(run.prediction.replicas, replicas_of(strategy.ranks(), setting));
  run.prediction.ranks = strategy.ranks();
  run.strategy = strategy;
  run.illegal = why_illegal(strategy, batches, setting);
  const Result<Sharing> sharing =
      sharing_of(strategy.ranks(), run.prediction.replicas, setting.training);
  if (sharing) run.prediction.sharing = *sharing;
  if (!sharing && !run.illegal) run.illegal = sharing.error().text();
  if (!run.illegal) {
    HSAP_TRY(const Problem problem, problem_of(batches.front(), setting));
    run.strategy = resolve(strategy);
  }
  run.prediction.strategy = run.strategy;
  return run;
}

std::string facts_of(const Setting& setting) {
  return fmt::format("{}, {} nodes of {} GPUs", setting.cluster->spec().name,
                     setting.cluster->nodes(), setting.cluster->gpus_per_node());
}

}  // namespace

Result<SimRuns> run_all(std::span<const Strategy> strategies, std::span<const Batch> batches,
                        const Setting& setting, int threads, cli::Progress& progress) {
  const Clock::time_point begin = Clock::now();
  std::vector<SimRun> runs;
  std::set<std::string> seen;
  for (const Strategy& strategy : strategies) {
    HSAP_TRY(SimRun run, prepare(strategy, batches, setting));
    // What is natural may also have been asked for by its number.
    if (run.illegal || seen.insert(to_string(run.strategy)).second) runs.push_back(std::move(run));
  }
  std::vector<Task> tasks(runs.size() * batches.size());
  std::atomic<std::size_t> done = 0;
  cli::parallel_for(threads, tasks.size(), [&](std::size_t i) {
    const SimRun& run = runs[i / batches.size()];
    if (!run.illegal) {
      tasks[i].begin = Clock::now();
      tasks[i].answer.emplace(predict(batches[i % batches.size()], run.strategy, setting));
      tasks[i].end = Clock::now();
    }
    progress.report("predicting", ++done, tasks.size());
  });
  progress.clear();
  for (std::size_t r = 0; r < runs.size(); ++r) {
    const auto own = std::span(tasks).subspan(r * batches.size(), batches.size());
    if (!runs[r].illegal) HSAP_CHECK(collect(own, setting, runs[r]));
  }
  return SimRuns{std::move(runs), std::chrono::duration<double>(Clock::now() - begin).count()};
}

Result<std::string> trace_of(const Batch& batch, const Strategy& strategy, const Setting& setting) {
  HSAP_TRY(const Problem problem, problem_of(batch, setting));
  SimulateOptions options;
  options.timeline = true;
  HSAP_TRY(const int replicas, replicas_of(strategy.ranks(), setting));
  options.replicas = replicas * setting.training.pipeline_parallel;
  options.tensor_parallel = setting.training.tensor_parallel;
  std::vector<Schedule> schedules;
  std::vector<Simulation> simulations;
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    if (!covers(setting.passes, pass)) continue;
    HSAP_TRY(Schedule schedule, compile(problem, strategy, pass));
    HSAP_TRY(Simulation simulation, simulate(schedule, *setting.cluster, setting.runtime, options));
    schedules.push_back(std::move(schedule));
    simulations.push_back(std::move(simulation));
  }
  std::vector<TracedPass> traced;
  for (std::size_t i = 0; i < schedules.size(); ++i) {
    traced.push_back({&schedules[i], &simulations[i]});
  }
  TraceOptions trace;
  trace.gpus_per_rank = options.tensor_parallel;
  trace.metadata = {{"generator", fmt::format("hsap-sim {}", cli::version())},
                    {"cluster", facts_of(setting)},
                    {"strategy", to_string(strategy)},
                    {"tokens", std::to_string(batch.tokens())}};
  return chrome_trace(traced, *setting.cluster, trace);
}

}  // namespace hsap
