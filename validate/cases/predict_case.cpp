#include "validate/cases/predict_case.hpp"

#include <fmt/format.h>

#include <numeric>
#include <optional>

#include "cli/parallel.hpp"
#include "hsap/compile.hpp"
#include "hsap/cost.hpp"
#include "hsap/simulate.hpp"
#include "validate/cases/messages.hpp"
#include "validate/run/prediction.hpp"

namespace hsap::cases {
namespace {

double seconds_alone(const Schedule& schedule, const Device& device) {
  return std::accumulate(schedule.operations.begin(), schedule.operations.end(), 0.0,
                         [&](double sum, const Operation& op) {
                           return sum + validation::seconds_alone(schedule, op, device);
                         });
}

Result<double> seconds_of(const Attention& work, const Case& item, const Cluster& cluster,
                          const Runtime& runtime) {
  const int ranks = work.serialised ? 1 : work.strategy.ranks();
  if (ranks != item.nodes * item.gpus_per_node ||
      (item.nodes > 1 && item.gpus_per_node != cluster.gpus_per_node())) {
    return bad_input("the strategy does not fill the nodes",
                     fmt::format("{} ranks on {} x {} GPUs of nodes of {}", ranks, item.nodes,
                                 item.gpus_per_node, cluster.gpus_per_node()));
  }
  Strategy strategy = work.strategy;
  // Not all ranks, as where nothing is known of nodes.
  if (strategy.inner_degree == 0 && !work.serialised) {
    strategy.inner_degree = near_shards(strategy, item.gpus_per_node);
  }
  double seconds = 0;
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    if (!covers(work.passes, pass)) continue;
    HSAP_TRY(const Schedule schedule, compile(work.problem, strategy, pass));
    if (work.serialised) {
      seconds += seconds_alone(schedule, cluster.spec().device);
      continue;
    }
    HSAP_TRY(const Simulation run, simulate(schedule, cluster, runtime));
    seconds += run.seconds;
  }
  return seconds;
}

Result<double> seconds_of(const Kernel& work, const Case&, const Cluster& cluster, const Runtime&) {
  return attention_seconds(work.slices, work.heads.query, work.heads.dim, work.pass,
                           cluster.spec().device);
}

Result<double> seconds_of(const Transfers& work, const Case&, const Cluster& cluster,
                          const Runtime& runtime) {
  HSAP_TRY(const Simulation run, simulate(schedule_of(work, cluster.gpus()), cluster, runtime));
  return run.seconds;
}

Result<double> seconds_of(const Collective& work, const Case& item, const Cluster& cluster,
                          const Runtime& runtime) {
  HSAP_TRY(const Schedule schedule, schedule_of(work, item, cluster));
  HSAP_TRY(const Simulation run, simulate(schedule, cluster, runtime));
  return run.seconds;
}

Result<double> seconds_of(const Overlap& work, const Case&, const Cluster& cluster,
                          const Runtime& runtime) {
  HSAP_TRY(const Schedule schedule, schedule_of(work, cluster));
  HSAP_TRY(const Simulation run, simulate(schedule, cluster, runtime));
  return run.seconds;
}

}  // namespace

Result<double> predict_case(const CaseFile& file, const Case& item) {
  HSAP_TRY(const Cluster cluster, Cluster::build(file.cluster, item.nodes));
  const Runtime& runtime = item.runtime != nullptr ? *item.runtime : file.runtime;
  return std::visit([&](const auto& work) { return seconds_of(work, item, cluster, runtime); },
                    item.work);
}

Result<std::vector<Outcome>> predict_all(const CaseFile& file, int threads) {
  std::vector<std::optional<Result<double>>> found(file.cases.size());
  cli::parallel_for(threads, found.size(),
                    [&](std::size_t i) { found[i] = predict_case(file, file.cases[i]); });
  std::vector<Outcome> outcomes;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!*found[i]) {
      Error error = found[i]->error();
      // A setup that cannot have been measured is a mistake of the file.
      if (error.kind == ErrorKind::infeasible) error.kind = ErrorKind::bad_input;
      error.file = file.path;
      error.position = fmt::format("/cases/{}", i);
      return error;
    }
    outcomes.push_back({&file.cases[i], **found[i]});
  }
  return outcomes;
}

}  // namespace hsap::cases
