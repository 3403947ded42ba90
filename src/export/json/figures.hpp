#pragma once

#include "base/json.hpp"
#include "hsap/predict.hpp"

/// Predicted figures in the words of the contract: plans and predictions share them.
namespace hsap {

[[nodiscard]] json::Ordered to_json(const AttentionTimes& attention);
[[nodiscard]] json::Ordered to_json(const Bound& bound);
[[nodiscard]] json::Ordered to_json(const StepTimes& step);
[[nodiscard]] json::Ordered to_json(const Memory& memory);
/// {"name": value, ...}, largest first, equal ones by name.
[[nodiscard]] json::Ordered to_json(const Breakdown& breakdown);

/// Bytes in all that a plan may name. Those that all ranks of a large job send exceed what a double
/// counts exactly, 2^53.
inline constexpr std::int64_t most_figure_bytes = std::int64_t{1} << 62;

// The readers leave their errors in the object and finish it.
[[nodiscard]] AttentionTimes read_attention(json::Object object);
[[nodiscard]] Bound read_bound(json::Object object);
[[nodiscard]] StepTimes read_step(json::Object object);
[[nodiscard]] Memory read_memory(json::Object object);
[[nodiscard]] Breakdown read_breakdown(json::Object& parent, const std::string& key);

}  // namespace hsap
