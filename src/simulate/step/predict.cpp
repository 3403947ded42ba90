#include "hsap/predict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "hsap/compile.hpp"
#include "simulate/step/basis.hpp"
#include "simulate/step/limit.hpp"
#include "simulate/step/step.hpp"
#include "simulate/step/training_memory.hpp"

namespace hsap {
namespace {

Result<std::vector<PassRun>> run_passes(const Problem& problem, const Strategy& strategy,
                                        const Setting& setting, int copies) {
  const SimulateOptions options{false, copies, setting.training.tensor_parallel};
  std::vector<PassRun> runs;
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    if (!covers(setting.passes, pass)) continue;
    HSAP_TRY(Schedule schedule, compile(problem, strategy, pass));
    HSAP_TRY(Simulation simulation, simulate(schedule, *setting.cluster, setting.runtime, options));
    runs.push_back({pass, std::move(schedule), std::move(simulation)});
  }
  return runs;
}

const PassRun* run_of(const std::vector<PassRun>& runs, Pass pass) {
  const auto found = std::find_if(runs.begin(), runs.end(),
                                  [pass](const PassRun& run) { return run.pass == pass; });
  return found == runs.end() ? nullptr : &*found;
}

PassTimes times_of(const std::vector<PassRun>& runs, Pass pass) {
  const PassRun* run = run_of(runs, pass);
  return run == nullptr ? PassTimes{} : slowest_rank(run->simulation);
}

/// Most over mean kernel seconds of the ranks, passes added up.
double imbalance_of(const std::vector<PassRun>& runs) {
  std::vector<double> compute_s(runs.front().simulation.ranks.size());
  for (const PassRun& run : runs) {
    for (std::size_t rank = 0; rank < compute_s.size(); ++rank) {
      compute_s[rank] += run.simulation.ranks[rank].compute_s;
    }
  }
  const double sum = std::accumulate(compute_s.begin(), compute_s.end(), 0.0);
  const double most = *std::max_element(compute_s.begin(), compute_s.end());
  return sum > 0 ? most * static_cast<double>(compute_s.size()) / sum : 1;
}

AttentionTimes attention_times(const std::vector<PassRun>& runs) {
  AttentionTimes out;
  for (const PassRun& run : runs) {
    const PassTimes times = slowest_rank(run.simulation);
    (run.pass == Pass::forward ? out.forward_s : out.backward_s) = times.seconds;
    out.compute_s += times.compute_s;
    out.communication_s += times.communication_s;
    out.exposed_communication_s += times.exposed_communication_s;
    for (const RankTimes& rank : run.simulation.ranks) {
      out.bytes_sent += rank.bytes_sent;
      out.bytes_sent_inter_node += rank.bytes_sent_inter_node;
    }
  }
  out.imbalance = imbalance_of(runs);
  return out;
}

Memory memory_of(const std::vector<PassRun>& runs, const Setting& setting,
                 const Division& division) {
  const PassRun* forward = run_of(runs, Pass::forward);
  const PassRun* backward = run_of(runs, Pass::backward);
  const std::vector<AttentionBuffers> buffers =
      attention_buffers(forward == nullptr ? nullptr : &forward->schedule,
                        forward == nullptr ? nullptr : &forward->simulation,
                        backward == nullptr ? nullptr : &backward->schedule,
                        backward == nullptr ? nullptr : &backward->simulation);
  return training_memory(setting, division, buffers);
}

StepTimes step_of(const std::vector<PassRun>& runs, const Problem& problem, const Setting& setting,
                  int replicas, const Division& division) {
  const Schedule& schedule = runs.front().schedule;
  std::int64_t most = 0;
  for (const Range& home : schedule.home) {
    most = std::max(most, tokens_in(schedule.intervals_of(home)));
  }
  return step_times({setting, schedule.ranks(), replicas, division.accumulation, division.pipeline,
                     problem.batch.tokens(), most, area(problem.mask, problem.batch),
                     times_of(runs, Pass::forward), times_of(runs, Pass::backward)});
}

}  // namespace

Result<Problem> problem_of(const Batch& batch, const Setting& setting) {
  HSAP_CHECK(check(batch));
  HSAP_TRY(const Heads heads,
           heads_per_rank(setting.model.heads, setting.training.tensor_parallel));
  return Problem{batch, setting.mask, heads, setting.dtype};
}

Result<Pipeline> pipeline_of(const Setting& setting) {
  const Training& training = setting.training;
  HSAP_TRY(Pipeline pipeline,
           pipeline_of(setting.model, training.pipeline_parallel, training.virtual_stages));
  pipeline.sorts_batches = training.sort_batches;
  return pipeline;
}

Result<int> replicas_of(int ranks, const Setting& setting) {
  const std::int64_t tensor = setting.training.tensor_parallel;
  const std::int64_t gpus = setting.cluster->gpus();
  if (tensor < 1 || setting.cluster->gpus_per_node() % tensor != 0) {
    return bad_input("tensor parallelism stays inside a node", std::to_string(tensor),
                     fmt::format("a divisor of {} GPUs", setting.cluster->gpus_per_node()));
  }
  HSAP_CHECK(pipeline_of(setting));
  const std::int64_t stages = setting.training.pipeline_parallel;
  const std::int64_t used = ranks * tensor * stages;
  if (ranks < 1 || gpus % used != 0) {
    return bad_input(fmt::format("ulysses x context_parallel x tensor_parallel{} must divide the "
                                 "GPUs",
                                 stages > 1 ? " x pipeline_parallel" : ""),
                     std::to_string(used), fmt::format("a divisor of {} GPUs", gpus));
  }
  HSAP_CHECK(check_expert_parallel(setting.model, setting.training.expert_parallel,
                                   static_cast<int>(gpus / stages)));
  return static_cast<int>(gpus / used);
}

Result<Sharing> sharing_of(int ranks, int replicas, const Training& training) {
  if (training.global_batch % replicas != 0) {
    return infeasible(fmt::format("{} replicas cannot share a global batch of {} evenly", replicas,
                                  training.global_batch));
  }
  Sharing sharing;
  sharing.accumulation = std::max(1, training.global_batch / replicas);
  if (training.virtual_stages > 1 && sharing.accumulation % training.pipeline_parallel != 0) {
    return infeasible(
        fmt::format("{} batches a replica, where interleaved stages take a multiple "
                    "of {}",
                    sharing.accumulation, training.pipeline_parallel));
  }
  HSAP_TRY(sharing.together,
           groups_together(training.expert_parallel, ranks * training.tensor_parallel));
  return sharing;
}

Result<BatchPrediction> predict(const Batch& batch, const Strategy& strategy,
                                const Setting& setting) {
  HSAP_TRY(const int replicas, replicas_of(strategy.ranks(), setting));
  HSAP_TRY(const Sharing sharing, sharing_of(strategy.ranks(), replicas, setting.training));
  Division division{strategy.ranks() * replicas, sharing.accumulation, {}};
  HSAP_TRY(division.pipeline, pipeline_of(setting));
  HSAP_TRY(const Problem problem, problem_of(batch, setting));
  // All stages compute at once, each for another batch.
  HSAP_TRY(const std::vector<PassRun> runs,
           run_passes(problem, strategy, setting, replicas * division.pipeline.stages));
  BatchPrediction out;
  out.tokens = batch.tokens();
  out.documents = batch.documents();
  out.attention = attention_times(runs);
  out.bound = bound(problem, setting, strategy.ranks());
  if (!setting.model.attention_only() && setting.passes == Passes::both) {
    out.step = step_of(runs, problem, setting, replicas, division);
  }
  out.memory = memory_of(runs, setting, division);
  out.limit = limit_of(runs, out, *setting.cluster);
  std::vector<std::vector<Basis>> basis;
  basis.reserve(runs.size());
  for (const PassRun& run : runs) {
    basis.push_back(basis_of(run.schedule, *setting.cluster, setting.training.tensor_parallel));
  }
  out.basis = joined(basis);
  if (out.step && setting.model.experts > 0) {
    out.basis.push_back({"expert layers", Basis::Kind::uncalibrated,
                         "small products at the rate of large ones, tokens spread evenly"});
  }
  for (const PassRun& run : runs) out.events += run.simulation.events;
  return out;
}

}  // namespace hsap
