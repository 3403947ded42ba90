#include "hsap/tune.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/units.hpp"
#include "simulate/training/memory.hpp"
#include "simulate/training/step.hpp"
#include "tuner/evaluate.hpp"
#include "tuner/memo.hpp"
#include "tuner/search.hpp"
#include "tuner/space.hpp"

namespace hsap {
namespace {

using Limits = std::map<std::pair<std::size_t, int>, StepTimes>;

/// Sums of the same parts in another order may differ in the last digits.
StepTimes rounded_down(StepTimes step) {
  constexpr double factor = 1 - 1e-9;
  step.breakdown.clear();  // of which nothing is taken
  each_time([&](const auto& time_of) { time_of(step) *= factor; });
  return step;
}

/// No pass of a layer's attention takes less.
PassTimes least_of(Pass pass, const Problem& problem, Setting setting, int ranks) {
  setting.passes = pass == Pass::forward ? Passes::forward : Passes::backward;
  const double seconds = bound(problem, setting, ranks).total_s;
  return {seconds, seconds, 0, 0, 0};
}

/// The objective of one batch is at least that of a step whose attention takes its bound and whose
/// tokens are split evenly.
StepTimes lower_limit(const Problem& problem, const Setting& setting, const Candidate& candidate,
                      const Search& search, const Pipeline& pipeline) {
  const int ranks = candidate.strategy.ranks();
  if (!search.whole_step) {
    StepTimes attention;
    attention.seconds = bound(problem, setting, ranks).total_s;
    return rounded_down(std::move(attention));
  }
  const Token tokens = problem.batch.tokens();
  return rounded_down(
      step_times({setting,
                  ranks,
                  candidate.replicas,
                  candidate.sharing.accumulation,
                  pipeline,
                  tokens,
                  tokens / ranks,
                  layer_area(*layer_masks(setting.model, problem.mask), problem.batch),
                  {{1, least_of(Pass::forward, problem, setting, ranks),
                    least_of(Pass::backward, problem, setting, ranks)}}}));
}

/// Lower limits for every batch and group size.
Result<Limits> lower_limits(std::span<const Batch> batches, const Setting& setting,
                            const Search& search, const Pipeline& pipeline) {
  Limits limits;
  for (std::size_t i = 0; i < batches.size(); ++i) {
    HSAP_TRY(const Problem problem, problem_of(batches[i], setting));
    for (const Candidate& candidate : search.candidates) {
      if (candidate.outcome != Outcome::feasible) continue;
      const std::pair key{i, candidate.strategy.ranks()};
      if (limits.count(key) > 0) continue;
      limits[key] = lower_limit(problem, setting, candidate, search, pipeline);
    }
  }
  return limits;
}

/// Groups of which there are not as many as can share the global batch, or the experts, are of no
/// use.
void share_steps(Search& search, const Training& training) {
  for (Candidate& candidate : search.candidates) {
    if (candidate.outcome != Outcome::feasible) continue;
    if (const Result<Sharing> sharing =
            sharing_of(candidate.strategy.ranks(), candidate.replicas, training)) {
      candidate.sharing = *sharing;
    } else {
      candidate.outcome = Outcome::illegal;
      candidate.reason = sharing.error().text();
    }
  }
}

/// Groups whose share of the model and of the batch alone is too much need no prediction.
void leave_out_what_cannot_fit(Search& search, const Problem& problem, const Setting& setting,
                               const Pipeline& pipeline) {
  std::map<int, Memory> least;  // by ranks of a group
  for (Candidate& candidate : search.candidates) {
    if (candidate.outcome != Outcome::feasible) continue;
    const int ranks = candidate.strategy.ranks();
    const auto [at, fresh] = least.try_emplace(ranks);
    const Division division{ranks * candidate.replicas, candidate.sharing.accumulation, pipeline};
    if (fresh) at->second = least_training_memory(problem, setting, ranks, division);
    const std::int64_t bytes = at->second.peak_bytes;
    if (bytes <= search.memory_limit_bytes) continue;
    candidate.outcome = Outcome::out_of_memory;
    candidate.peak_bytes = bytes;
    candidate.too_much = at->second.breakdown;
    candidate.reason =
        fmt::format("needs at least {} of {}", format_bytes(static_cast<double>(bytes)),
                    format_bytes(static_cast<double>(search.memory_limit_bytes)));
  }
}

Oracle simulator(std::span<const Batch> batches, const Setting& setting, Limits limits,
                 bool whole_step, Pipeline pipeline, AttentionMemo* memo) {
  Oracle oracle;
  oracle.predict = [batches, &setting, memo](std::size_t batch,
                                             const Strategy& strategy) -> Result<BatchPrediction> {
    if (memo == nullptr) return predict(batches[batch], strategy, setting);
    HSAP_TRY(const Problem problem, problem_of(batches[batch], setting));
    HSAP_TRY(const AttentionMemo::Known attention,
             memo->get(batch, strategy, setting.training.tensor_parallel,
                       [&] { return simulate_attention(problem, strategy, setting); }));
    return predict(*attention, problem, setting);
  };
  oracle.least = [limits = std::move(limits)](std::size_t batch, int ranks) {
    return limits.at({batch, ranks});
  };
  oracle.whole_step = whole_step;
  oracle.pipeline = std::move(pipeline);
  return oracle;
}

const Batch& longest_of(std::span<const Batch> batches) {
  return *std::max_element(batches.begin(), batches.end(),
                           [](const Batch& a, const Batch& b) { return a.tokens() < b.tokens(); });
}

Result<Search> tune_with(std::span<const Batch> batches, const Setting& setting,
                         const TuneOptions& options, const TuneProgress& progress,
                         AttentionMemo* memo) {
  if (batches.empty()) return bad_input("no batches to search with", "none", "at least one");
  HSAP_CHECK(check_matmul(setting));
  HSAP_CHECK(check_offload(setting));
  HSAP_TRY(const int groups, replicas_of(1, setting));
  HSAP_TRY(Pipeline pipeline, pipeline_of(setting));
  HSAP_TRY(const Problem problem, problem_of(longest_of(batches), setting));
  Search search;
  search.whole_step = !setting.model.attention_only() && setting.passes == Passes::both;
  search.memory_limit_bytes =
      std::llround(setting.cluster->spec().device.memory_bytes * (1 - options.memory_reserve));
  const int node_ranks = setting.cluster->gpus_per_node() / setting.training.tensor_parallel;
  search.candidates = search_space(problem, groups, node_ranks, options);
  share_steps(search, setting.training);
  leave_out_what_cannot_fit(search, problem, setting, pipeline);
  HSAP_TRY(Limits limits, lower_limits(batches, setting, search, pipeline));
  const Evaluator evaluator(
      batches,
      simulator(batches, setting, std::move(limits), search.whole_step, std::move(pipeline), memo),
      search.memory_limit_bytes);
  run_search(search, evaluator, options, progress);
  return search;
}

}  // namespace

Result<Search> tune(std::span<const Batch> batches, const Setting& setting,
                    const TuneOptions& options, const TuneProgress& progress) {
  return tune_with(batches, setting, options, progress, nullptr);
}

Result<Search> tune(std::span<const Batch> batches, const Setting& setting,
                    const TuneOptions& options, const TuneProgress& progress, AttentionMemo& memo) {
  return tune_with(batches, setting, options, progress, &memo);
}

}  // namespace hsap
