#include "validate/cases/predict_case.hpp"

#include <fmt/format.h>

#include <numeric>
#include <optional>

#include "cli/parallel.hpp"
#include "hsap/compile.hpp"
#include "hsap/cost.hpp"
#include "hsap/predict.hpp"
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

/// Copies of the group that fill the GPUs, whose traffic shares the links.
Result<int> replicas_of(const Attention& work, int gpus) {
  const int ranks = work.strategy.ranks();
  if (!work.serialised && gpus % ranks == 0) return gpus / ranks;
  if (work.serialised && gpus == 1) return 1;
  return bad_input(work.serialised ? "a serialised run has one GPU"
                                   : "the ranks of the strategy do not divide the GPUs",
                   fmt::format("{} ranks on {} GPUs", ranks, gpus));
}

/// An inner degree that is left out is that of the nodes: not all ranks, as where nothing is known
/// of them.
Strategy on_nodes(Strategy strategy, int node_ranks) {
  if (strategy.inner_degree == 0) strategy.inner_degree = near_shards(strategy, node_ranks);
  return strategy;
}

/// One pass over one batch.
Result<double> pass_seconds(const Attention& work, const Schedule& schedule, int replicas,
                            const Cluster& cluster, const Runtime& runtime) {
  if (work.serialised) return seconds_alone(schedule, cluster.spec().device);
  HSAP_TRY(const SlowestCopy run,
           simulate_slowest(schedule, cluster, runtime, {.replicas = replicas}));
  return run.simulation.seconds;
}

Result<double> predicted(const Attention& work, const Case& item, const Cluster& cluster,
                         const Runtime& runtime) {
  HSAP_TRY(const int replicas, replicas_of(work, cluster.gpus()));
  const Strategy strategy =
      work.serialised ? work.strategy : on_nodes(work.strategy, item.gpus_per_node);
  double seconds = 0;
  for (const Problem& problem : work.problems) {
    for (const Pass pass : {Pass::forward, Pass::backward}) {
      if (!covers(work.passes, pass)) continue;
      HSAP_TRY(const Schedule schedule, compile(problem, strategy, pass));
      HSAP_TRY(const double of_pass, pass_seconds(work, schedule, replicas, cluster, runtime));
      seconds += of_pass;
    }
  }
  return seconds / static_cast<double>(work.problems.size());
}

/// What a program's own allocator gives out: communicators have theirs.
double of_allocator(const Memory& memory) {
  double bytes = 0;
  for (const auto& [part, size] : memory.breakdown) bytes += part == "communicators" ? 0 : size;
  return bytes;
}

Result<double> predicted(const Step& work, const Case& item, const Cluster& cluster,
                         const Runtime& runtime) {
  Setting setting;
  setting.cluster = &cluster;
  setting.runtime = runtime;
  setting.model = work.model;
  setting.mask = work.mask;
  setting.training = work.training;
  const Strategy strategy =
      on_nodes(work.strategy, item.gpus_per_node / work.training.tensor_parallel);
  HSAP_TRY(const BatchPrediction prediction, predict(work.batch, strategy, setting));
  if (item.quantity == Quantity::peak_bytes) {
    return of_allocator(prediction.memory);
  }
  return prediction.step.value_or(StepTimes{}).seconds;  // the model has layers
}

Result<double> predicted(const Kernel& work, const Case&, const Cluster& cluster, const Runtime&) {
  return attention_seconds(work.slices, work.heads.query, work.heads.dim, work.pass,
                           cluster.spec().device);
}

Result<double> predicted(const Transfers& work, const Case&, const Cluster& cluster,
                         const Runtime& runtime) {
  HSAP_TRY(const Simulation run, simulate(schedule_of(work, cluster.gpus()), cluster, runtime));
  return run.seconds;
}

Result<double> predicted(const Collective& work, const Case&, const Cluster& cluster,
                         const Runtime& runtime) {
  HSAP_TRY(const Schedule schedule, schedule_of(work, cluster));
  HSAP_TRY(const Simulation run, simulate(schedule, cluster, runtime));
  return run.seconds;
}

Result<double> predicted(const Overlap& work, const Case&, const Cluster& cluster,
                         const Runtime& runtime) {
  HSAP_TRY(const Schedule schedule, schedule_of(work, cluster));
  HSAP_TRY(const Simulation run, simulate(schedule, cluster, runtime));
  return run.seconds;
}

/// Nodes that have their first GPUs only: what the others could pass on or send, a run without them
/// has to do without.
ClusterSpec with_first_gpus(ClusterSpec spec, int gpus) {
  std::vector<int> place(spec.devices.size(), -1);
  std::vector<ClusterSpec::NodeDevice> kept;
  for (std::size_t i = 0; i < spec.devices.size(); ++i) {
    if (spec.devices[i].kind == ClusterSpec::DeviceKind::gpu && gpus-- <= 0) continue;
    place[i] = static_cast<int>(kept.size());
    kept.push_back(std::move(spec.devices[i]));
  }
  spec.devices = std::move(kept);
  for (ClusterSpec::NodeLink& link : spec.links) {
    link.from = place[static_cast<std::size_t>(link.from)];
    link.to = place[static_cast<std::size_t>(link.to)];
  }
  std::erase_if(spec.links, [](const auto& link) { return link.from < 0 || link.to < 0; });
  return spec;
}

/// Transfers and overlaps name GPUs of the whole cluster.
ClusterSpec cluster_of(const CaseFile& file, const Case& item) {
  const bool fills = std::holds_alternative<Attention>(item.work) ||
                     std::holds_alternative<Step>(item.work) ||
                     std::holds_alternative<Collective>(item.work);
  if (!fills || item.gpus_per_node == file.cluster.gpus_per_node()) return file.cluster;
  return with_first_gpus(file.cluster, item.gpus_per_node);
}

}  // namespace

Result<double> predict_case(const CaseFile& file, const Case& item) {
  HSAP_TRY(const Cluster cluster, Cluster::build(cluster_of(file, item), item.nodes));
  const Runtime& runtime = item.runtime != nullptr ? *item.runtime : file.runtime;
  return std::visit([&](const auto& work) { return predicted(work, item, cluster, runtime); },
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
