#include "tuner/trainings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/units.hpp"
#include "cli/table.hpp"
#include "export/json/strategy.hpp"
#include "export/json/training.hpp"
#include "export/option_names.hpp"
#include "tuner/why.hpp"

namespace hsap {
namespace {

const Candidate* best_candidate(const Attempt& attempt) {
  if (!attempt.search || !attempt.search->best) return nullptr;
  return &attempt.search->candidates[*attempt.search->best];
}

double tokens_per_s(const Attempt& attempt) {
  const Candidate* best = best_candidate(attempt);
  return best == nullptr ? 0 : best->tokens_per_s;
}

std::vector<const Attempt*> best_first(std::span<const Attempt> attempts) {
  std::vector<const Attempt*> sorted;
  for (const Attempt& attempt : attempts) sorted.push_back(&attempt);
  std::stable_sort(sorted.begin(), sorted.end(), [](const Attempt* a, const Attempt* b) {
    return tokens_per_s(*a) > tokens_per_s(*b);
  });
  return sorted;
}

std::string why_not(const Attempt& attempt) {
  if (!attempt.search) return attempt.impossible;
  const std::vector<std::string> reasons = frequent_reasons(*attempt.search, 1);
  return reasons.empty() ? "no strategy" : reasons.front();
}

/// The candidate that memory stops and that needs least of it, and its training.
std::pair<const Candidate*, const Training*> nearest_of(std::span<const Attempt> attempts) {
  std::pair<const Candidate*, const Training*> nearest{nullptr, nullptr};
  for (const Attempt& attempt : attempts) {
    if (!attempt.search) continue;
    for (const Candidate& candidate : attempt.search->candidates) {
      if (candidate.outcome != Outcome::out_of_memory) continue;
      if (nearest.first != nullptr && candidate.peak_bytes >= nearest.first->peak_bytes) continue;
      nearest = {&candidate, &attempt.training};
    }
  }
  return nearest;
}

/// The ZeRO stage that shards a part of the memory; 0 where none does.
int sharding_stage(const std::string& part) {
  constexpr const char* stages[] = {"", "optimizer", "gradients", "parameters"};
  const auto found = std::find(std::begin(stages), std::end(stages), part);
  return found == std::end(stages) ? 0 : static_cast<int>(found - std::begin(stages));
}

/// The flag that makes another part smaller; empty where it is in use, or there is none.
std::string flag_for_less(const std::string& part, const Training& training,
                          const ClusterSpec& spec, bool any_trainer) {
  if (part == "logits" && training.loss_chunks == 1 && any_trainer) return "--loss-chunks 16";
  if (part != "activations") return {};
  if (training.checkpointing != Training::Checkpointing::full) return "--checkpointing full";
  const bool known = spec.device.host_bandwidth_bytes_per_s > 0 && spec.host_memory_bytes > 0;
  return any_trainer && known && training.offload == Training::Offload::none
             ? "--offload activations"
             : "";
}

}  // namespace

std::optional<std::size_t> best_of(std::span<const Attempt> attempts) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    if (best_candidate(attempts[i]) == nullptr) continue;
    if (!best || tokens_per_s(attempts[i]) > tokens_per_s(attempts[*best])) best = i;
  }
  return best;
}

std::vector<std::string> compare_trainings(std::span<const Attempt> attempts, std::size_t best) {
  std::vector<std::string> sentences;
  for (const Attempt* attempt : best_first(attempts)) {
    const Candidate* candidate = best_candidate(*attempt);
    if (candidate == nullptr || attempt == &attempts[best]) continue;
    const double slower = 100 * (tokens_per_s(attempts[best]) / candidate->tokens_per_s - 1);
    sentences.push_back(fmt::format("with {} the best ({}) {}", to_string(attempt->training),
                                    to_string(candidate->strategy), compared(slower)));
  }
  return sentences;
}

json::Ordered trainings_json(std::span<const Attempt> attempts) {
  json::Ordered out = json::Ordered::array();
  for (const Attempt& attempt : attempts) {
    const Candidate* best = best_candidate(attempt);
    json::Ordered item;
    item["training"] = to_json(attempt.training);
    item["training"]["tensor_parallel"] = attempt.training.tensor_parallel;
    item["training"]["pipeline_parallel"] = attempt.training.pipeline_parallel;
    item["training"]["expert_parallel"] = attempt.training.expert_parallel;
    item["feasible"] = best != nullptr;
    item["tokens_per_s"] = best != nullptr ? json::Ordered(best->tokens_per_s) : json::Ordered();
    item["strategy"] = best != nullptr ? to_json(best->strategy) : json::Ordered();
    item["replicas"] = best != nullptr ? json::Ordered(best->replicas) : json::Ordered();
    item["peak_bytes"] = best != nullptr ? json::Ordered(best->peak_bytes) : json::Ordered();
    item["reason"] = best != nullptr ? json::Ordered() : json::Ordered(why_not(attempt));
    out.push_back(std::move(item));
  }
  return out;
}

std::string nearest_to_fit(std::span<const Attempt> attempts, const Setting& setting,
                           bool any_trainer) {
  constexpr double small = 0.05;  // of the whole
  const auto [nearest, training] = nearest_of(attempts);
  if (nearest == nullptr) return {};
  Breakdown parts = nearest->too_much;
  std::stable_sort(parts.begin(), parts.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<std::string> texts;
  std::vector<std::string> flags;
  int zero = training->zero;
  for (const auto& [name, bytes] : parts) {
    if (bytes < small * static_cast<double>(nearest->peak_bytes)) break;
    texts.push_back(fmt::format("{} {}", name, format_bytes(bytes)));
    const std::string flag = flag_for_less(name, *training, setting.cluster->spec(), any_trainer);
    if (!flag.empty()) flags.push_back(flag);
    zero = std::max(zero, sharding_stage(name));
  }
  if (zero > training->zero) flags.push_back(fmt::format("--zero {}", zero));
  std::string text = fmt::format("  the least, {} with {}, needs {}", to_string(nearest->strategy),
                                 to_string(*training), fmt::join(texts, ", "));
  // Flags of the training need a model with layers.
  if (setting.model.attention_only()) return text;
  if (!flags.empty()) text += fmt::format("\n  less with {}", fmt::join(flags, ", "));
  return text;
}

std::string trainings_report(std::span<const Attempt> attempts, bool color) {
  using cli::right;
  cli::Table table({{"training"}, {"tokens/s", right}, {"memory", right}, {"best strategy"}});
  for (const Attempt* attempt : best_first(attempts)) {
    const Candidate* best = best_candidate(*attempt);
    if (best == nullptr) {
      table.add({to_string(attempt->training), "-", "-", why_not(*attempt)}, cli::Style::dim);
      continue;
    }
    const bool first = table.empty();
    table.add({to_string(attempt->training), fmt::format("{:.0f}", best->tokens_per_s),
               format_bytes(static_cast<double>(best->peak_bytes)), to_string(best->strategy)},
              first ? cli::Style::good : cli::Style::plain);
  }
  return table.text(color);
}

}  // namespace hsap
