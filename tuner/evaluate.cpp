#include "tuner/evaluate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/units.hpp"
#include "simulate/training/replicas.hpp"

namespace hsap {
namespace {

std::int64_t mean_of(std::span<const BatchPrediction> batches,
                     std::int64_t AttentionTimes::*member) {
  double sum = 0;
  for (const BatchPrediction& batch : batches) {
    sum += static_cast<double>(batch.attention.*member);
  }
  return std::llround(sum / static_cast<double>(batches.size()));
}

template <typename Part>
double mean_of(std::span<const BatchPrediction> batches, Part BatchPrediction::*part,
               double Part::*member) {
  double sum = 0;
  for (const BatchPrediction& batch : batches) sum += batch.*part.*member;
  return sum / static_cast<double>(batches.size());
}

AttentionTimes mean_attention(std::span<const BatchPrediction> batches) {
  using A = AttentionTimes;
  const auto mean = [&](double A::*member) {
    return mean_of(batches, &BatchPrediction::attention, member);
  };
  A out;
  out.forward_s = mean(&A::forward_s);
  out.backward_s = mean(&A::backward_s);
  out.compute_s = mean(&A::compute_s);
  out.communication_s = mean(&A::communication_s);
  out.exposed_communication_s = mean(&A::exposed_communication_s);
  out.bytes_sent = mean_of(batches, &A::bytes_sent);
  out.bytes_sent_inter_node = mean_of(batches, &A::bytes_sent_inter_node);
  out.imbalance = mean(&A::imbalance);
  return out;
}

Bound mean_bound(std::span<const BatchPrediction> batches) {
  const auto mean = [&](double Bound::*member) {
    return mean_of(batches, &BatchPrediction::bound, member);
  };
  return {mean(&Bound::compute_s), mean(&Bound::intra_node_s), mean(&Bound::inter_node_s),
          mean(&Bound::total_s)};
}

}  // namespace

StepTimes objective(const BatchPrediction& batch) {
  StepTimes objective;
  if (batch.step) {
    objective.seconds = batch.step->seconds;
    objective.parts = batch.step->parts;
  } else {
    objective.seconds = batch.attention.forward_s + batch.attention.backward_s;
  }
  return objective;
}

Figures figures_of(std::span<const BatchPrediction> batches, const Pipeline& pipeline, int replicas,
                   const Sharing& sharing) {
  const auto slowest = std::max_element(
      batches.begin(), batches.end(),
      [](const auto& a, const auto& b) { return objective(a).seconds < objective(b).seconds; });
  const auto largest = std::max_element(
      batches.begin(), batches.end(),
      [](const auto& a, const auto& b) { return a.memory.peak_bytes < b.memory.peak_bytes; });
  Figures out;
  out.attention = mean_attention(batches);
  out.bound = mean_bound(batches);
  if (batches.front().step) out.step = expected_step(batches, pipeline, replicas, sharing);
  out.memory = largest->memory;
  out.limit = slowest->limit;
  return out;
}

void Evaluator::advance(Candidate& candidate, State& state) const {
  Result<BatchPrediction> prediction = oracle_.predict(state.done.size(), candidate.strategy);
  if (!prediction) {
    candidate.outcome = Outcome::illegal;
    candidate.reason = prediction.error().text();
    return;
  }
  candidate.peak_bytes = std::max(candidate.peak_bytes, prediction->memory.peak_bytes);
  for (std::size_t i = state.steps.size(); i < batches_.size(); ++i) {
    state.steps.push_back(oracle_.least(i, candidate.strategy.ranks()));
  }
  state.steps[state.done.size()] = objective(*prediction);
  state.done.push_back(*std::move(prediction));
  update(candidate, state);
  if (candidate.peak_bytes <= limit_bytes_) return;
  candidate.outcome = Outcome::out_of_memory;
  candidate.too_much = state.done.back().memory.breakdown;
  candidate.reason =
      fmt::format("needs {} of {}", format_bytes(static_cast<double>(candidate.peak_bytes)),
                  format_bytes(static_cast<double>(limit_bytes_)));
}

void Evaluator::update(Candidate& candidate, const State& state) const {
  double tokens = 0;
  for (const Batch& batch : batches_) tokens += batch.tokens();
  // Nothing makes replicas wait for each other, or adds batches up, where there is no step.
  const int waiting = oracle_.whole_step ? candidate.replicas : 1;
  const Sharing sharing = oracle_.whole_step ? candidate.sharing : Sharing{};
  candidate.seconds = expected_seconds(state.steps, oracle_.pipeline, waiting, sharing).slowest;
  candidate.tokens_per_s = tokens / static_cast<double>(batches_.size()) * candidate.replicas *
                           sharing.accumulation / candidate.seconds;
}

void Evaluator::finish(Candidate& candidate, const State& state) const {
  candidate.figures =
      figures_of(state.done, oracle_.pipeline, candidate.replicas, candidate.sharing);
}

}  // namespace hsap
