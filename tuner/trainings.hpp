#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "hsap/tune.hpp"

namespace hsap {

/// What a search came to under one way to train the rest of the model.
struct Attempt {
  Training training;
  std::optional<Search> search;
  std::string impossible;  ///< why there was nothing to search
};

/// The attempt with the most tokens per second, the first of those; nothing when none is feasible.
[[nodiscard]] std::optional<std::size_t> best_of(std::span<const Attempt> attempts);

/// Sentences that compare the best attempt with the other feasible ones, best first.
[[nodiscard]] std::vector<std::string> compare_trainings(std::span<const Attempt> attempts,
                                                         std::size_t best);

/// All attempts as they were asked for: [{"training": {..., "tensor_parallel",
/// "pipeline_parallel"}, "feasible", "tokens_per_s", "strategy", "replicas", "peak_bytes",
/// "reason"}, ...]. What is not feasible has a reason alone, the rest is null; what is feasible
/// tells its best strategy.
[[nodiscard]] json::Ordered trainings_json(std::span<const Attempt> attempts);

/// Of what the memory is made that the candidate nearest to its limit needs, largest part first,
/// and which flags make the large ones smaller, without `any_trainer` only those that all trainers
/// know; empty where memory is not what nothing is feasible for.
[[nodiscard]] std::string nearest_to_fit(std::span<const Attempt> attempts, const Setting& setting,
                                         bool any_trainer = true);

/// All attempts as a table, best first: what each came to, or why nothing fits.
[[nodiscard]] std::string trainings_report(std::span<const Attempt> attempts, bool color);

}  // namespace hsap
