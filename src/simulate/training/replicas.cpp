#include "simulate/training/replicas.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "simulate/training/dealt.hpp"
#include "simulate/training/draws.hpp"
#include "simulate/training/pipeline.hpp"
#include "simulate/training/replica_step.hpp"
#include "simulate/training/step.hpp"

namespace hsap {
namespace {

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Means of `accumulation` batches.
std::vector<double> means_of_draws(std::span<const double> seconds, int accumulation) {
  constexpr int most = 1024;  // means of as many deviate a 32nd of what batches do
  const int places = std::min(accumulation, most);
  const Draws draws(whole_rounds(most_draws, seconds.size()), places, seconds.size());
  std::vector<double> means(draws.size());
  draws.each([&](std::size_t draw, std::size_t batch) { means[draw] += seconds[batch] / places; });
  return means;
}

/// The mean of the slowest of so many draws. No replica is slower than the i-th quickest of n with
/// probability (i / n)^replicas.
double slowest_of(std::vector<double> seconds, int replicas) {
  std::sort(seconds.begin(), seconds.end());
  const auto count = static_cast<double>(seconds.size());
  double slowest = 0;
  double below = 0;
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    const double up_to = std::pow(static_cast<double>(i + 1) / count, replicas);
    slowest += seconds[i] * (up_to - below);
    below = up_to;
  }
  return slowest;
}

/// Steps of a pipeline, each of another draw of batches.
std::vector<double> pipelined_draws(std::span<const StepTimes> steps, const Pipeline& pipeline,
                                    int accumulation) {
  constexpr int most = 256;
  const ReplicaStep replica(steps, pipeline, accumulation, most);
  const std::size_t passes = passes_of(pipeline) * static_cast<std::size_t>(replica.places());
  const std::size_t enough = std::min(most_draws, most_passes / passes + 1);
  const Draws draws(whole_rounds(enough, steps.size()), replica.places(), steps.size());
  std::vector<std::vector<const StepTimes*>> drawn(draws.size());
  draws.each([&](std::size_t draw, std::size_t batch) { drawn[draw].push_back(&steps[batch]); });
  std::vector<double> seconds;
  seconds.reserve(drawn.size());
  for (const auto& batches : drawn) seconds.push_back(replica.seconds(batches));
  return seconds;
}

/// Steps that stand equally often for the slowest of `together` drawn at random, without their
/// breakdown: in each part by itself, as all meet in each layer of each pass. So no part that takes
/// longer makes another shorter.
std::vector<StepTimes> slowest_of_each(std::span<const StepTimes> steps, int together) {
  constexpr std::size_t places = 4;  // for each step
  std::vector<StepTimes> slowest(places * steps.size());
  each_time([&](const auto& time_of) {
    std::vector<double> sorted;
    for (const StepTimes& step : steps) sorted.push_back(time_of(step));
    std::sort(sorted.begin(), sorted.end());
    // None is slower than the i-th quickest of n with probability (i / n)^together.
    for (std::size_t place = 0; place < slowest.size(); ++place) {
      const double below = (static_cast<double>(place) + 0.5) / static_cast<double>(slowest.size());
      const double share = std::pow(below, 1.0 / together);
      time_of(slowest[place]) =
          sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size()))];
    }
  });
  return slowest;
}

std::vector<double> seconds_of(std::span<const StepTimes> steps) {
  std::vector<double> seconds;
  seconds.reserve(steps.size());
  for (const StepTimes& step : steps) seconds.push_back(step.seconds);
  return seconds;
}

}  // namespace

double expected_slowest(std::span<const double> batch_seconds, int replicas, int accumulation) {
  const double mean = mean_of(batch_seconds);
  if (replicas == 1) return mean;
  const double slowest =
      accumulation > 1
          ? slowest_of(means_of_draws(batch_seconds, accumulation), replicas)
          : slowest_of(std::vector(batch_seconds.begin(), batch_seconds.end()), replicas);
  return std::max(mean, slowest);  // equal but for rounding where all batches are
}

ExpectedSeconds expected_seconds(std::span<const StepTimes> steps, const Pipeline& pipeline,
                                 int replicas, const Sharing& sharing) {
  const auto draws_of = [&](std::span<const StepTimes> from) {
    return pipeline.stages == 1 ? means_of_draws(seconds_of(from), sharing.accumulation)
                                : pipelined_draws(from, pipeline, sharing.accumulation);
  };
  // The batches of a single step of one each have nothing to be dealt out to.
  if (sharing.lookahead > 1 || (sharing.lookahead == 1 && sharing.accumulation > 1)) {
    const ExpectedSeconds dealt = dealt_seconds(steps, pipeline, replicas, sharing);
    const double mean = pipeline.stages == 1 ? mean_of(seconds_of(steps)) : dealt.mean;
    return {mean, std::max(mean, dealt.slowest)};
  }
  // Of one batch each, the slowest of the slowest is the slowest of all.
  if (pipeline.stages == 1 && (sharing.together == 1 || sharing.accumulation == 1)) {
    const std::vector<double> seconds = seconds_of(steps);
    return {mean_of(seconds), expected_slowest(seconds, replicas, sharing.accumulation)};
  }
  std::vector<double> draws = draws_of(steps);
  const double mean = mean_of(draws);
  if (sharing.together > 1) draws = draws_of(slowest_of_each(steps, sharing.together));
  const double slowest = slowest_of(std::move(draws), replicas / sharing.together);
  return {mean, std::max(mean, slowest)};
}

StepTimes expected_step(std::span<const BatchPrediction> batches, const Pipeline& pipeline,
                        int replicas, const Sharing& sharing) {
  const auto count = static_cast<double>(batches.size());
  std::vector<StepTimes> steps;
  StepTimes out;
  out.breakdown = batches.front().step->breakdown;
  for (auto& [name, part] : out.breakdown) part = 0;
  double tokens = 0;
  double peak_seconds = 0;  // what the FLOP would take at the peak of all GPUs
  for (const BatchPrediction& batch : batches) {
    const StepTimes& step = *batch.step;
    steps.push_back(step);
    tokens += batch.tokens / count;
    peak_seconds += step.mfu * step.seconds / count;
    for (std::size_t i = 0; i < out.breakdown.size(); ++i) {
      out.breakdown[i].second += step.breakdown[i].second / count;
    }
  }
  const ExpectedSeconds expected = expected_seconds(steps, pipeline, replicas, sharing);
  out.seconds = expected.slowest;
  for (auto& [name, part] : out.breakdown) {
    if (name == pipeline_bubble) part += expected.mean - mean_of(seconds_of(steps));
  }
  out.breakdown.emplace_back(waiting_for_replicas, expected.slowest - expected.mean);
  out.tokens_per_s = tokens * replicas * sharing.accumulation / out.seconds;
  out.mfu = peak_seconds / out.seconds;
  return out;
}

}  // namespace hsap
