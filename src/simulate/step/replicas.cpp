#include "simulate/step/replicas.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "hsap/predict.hpp"
#include "workload/random.hpp"

namespace hsap {
namespace {

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Means of `accumulation` batches. In rounds of as many as there are batches: in each place a
/// round goes through all of them from a random one on, so that the mean of the means is theirs.
std::vector<double> means_of_draws(std::span<const double> seconds, int accumulation) {
  constexpr std::size_t draws = 2048;
  constexpr int most = 1024;  // means of as many deviate a 32nd of what batches do
  const int places = std::min(accumulation, most);
  const std::size_t batches = seconds.size();
  std::vector<double> means((draws + batches - 1) / batches * batches);
  Random random(1);
  for (std::size_t round = 0; round < means.size(); round += batches) {
    for (int place = 0; place < places; ++place) {
      std::size_t batch = random.below(batches);
      for (std::size_t i = 0; i < batches; ++i) {
        means[round + i] += seconds[batch] / places;
        if (++batch == batches) batch = 0;
      }
    }
  }
  return means;
}

}  // namespace

double expected_slowest(std::span<const double> batch_seconds, int replicas, int accumulation) {
  const double mean = mean_of(batch_seconds);
  if (replicas == 1) return mean;
  std::vector<double> sorted = accumulation > 1
                                   ? means_of_draws(batch_seconds, accumulation)
                                   : std::vector(batch_seconds.begin(), batch_seconds.end());
  std::sort(sorted.begin(), sorted.end());
  // No replica is slower than the i-th quickest of n with probability (i / n)^replicas.
  const auto count = static_cast<double>(sorted.size());
  double seconds = 0;
  double below = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const double up_to = std::pow(static_cast<double>(i + 1) / count, replicas);
    seconds += sorted[i] * (up_to - below);
    below = up_to;
  }
  return std::max(mean, seconds);  // equal but for rounding where all batches are
}

StepTimes expected_step(std::span<const BatchPrediction> batches, int replicas, int accumulation) {
  const auto count = static_cast<double>(batches.size());
  std::vector<double> seconds;
  StepTimes out;
  out.breakdown = batches.front().step->breakdown;
  for (auto& [name, part] : out.breakdown) part = 0;
  double tokens = 0;
  double peak_seconds = 0;  // what the FLOP would take at the peak of all GPUs
  for (const BatchPrediction& batch : batches) {
    const StepTimes& step = *batch.step;
    seconds.push_back(step.seconds);
    tokens += batch.tokens / count;
    peak_seconds += step.mfu * step.seconds / count;
    for (std::size_t i = 0; i < out.breakdown.size(); ++i) {
      out.breakdown[i].second += step.breakdown[i].second / count;
    }
  }
  out.seconds = expected_slowest(seconds, replicas, accumulation);
  out.breakdown.emplace_back(waiting_for_replicas, out.seconds - mean_of(seconds));
  out.tokens_per_s = tokens * replicas * accumulation / out.seconds;
  out.mfu = peak_seconds / out.seconds;
  return out;
}

}  // namespace hsap
