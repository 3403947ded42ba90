#include "export/json/strategy.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace hsap {
namespace {

constexpr int most_degree = 1 << 20;

/// Fills a degree that is left out, and checks the product.
void complete_degrees(json::Object& object, int ranks, Strategy& strategy) {
  if (ranks == 0) return;
  const bool has_ulysses = object.has("ulysses");
  const bool has_context = object.has("context_parallel");
  if (!has_context) strategy.context_parallel = std::max(1, ranks / strategy.ulysses);
  if (!has_ulysses && has_context)
    strategy.ulysses = std::max(1, ranks / strategy.context_parallel);
  const auto product = std::int64_t{strategy.ulysses} * strategy.context_parallel;
  if (product == ranks) return;
  const char* key = has_ulysses || !has_context ? "ulysses" : "context_parallel";
  object.fail(key, fmt::format("the degrees do not multiply to the {} ranks of the group", ranks),
              fmt::format("{} x {}", strategy.ulysses, strategy.context_parallel),
              fmt::format("ulysses x context_parallel = {}", ranks));
}

}  // namespace

json::Ordered to_json(const Strategy& strategy) {
  json::Ordered out;
  out["ulysses"] = strategy.ulysses;
  out["context_parallel"] = strategy.context_parallel;
  out["order"] = to_string(strategy.order);
  out["layout"] = to_string(strategy.layout);
  out["exchange"] = to_string(strategy.exchange);
  out["stages"] = strategy.stages;
  out["gradient_dtype"] = to_string(strategy.gradient_dtype);
  out["inner_degree"] = strategy.inner_degree;
  out["moves"] = to_string(strategy.moves);
  out["transfer_order"] = to_string(strategy.transfer_order);
  out["kv_groups"] = to_string(strategy.kv_groups);
  out["gradient_return"] = to_string(strategy.gradient_return);
  return out;
}

Strategy read_strategy(json::Object& object, int ranks) {
  Strategy strategy;
  strategy.ulysses = static_cast<int>(object.integer_or("ulysses", 1, 1, most_degree));
  strategy.context_parallel =
      static_cast<int>(object.integer_or("context_parallel", 1, 1, most_degree));
  const auto product = std::int64_t{strategy.ulysses} * strategy.context_parallel;
  if (product > most_degree) {
    object.fail("context_parallel", "too many ranks", std::to_string(product),
                fmt::format("ulysses x context_parallel of at most {}", most_degree));
  }
  complete_degrees(object, ranks, strategy);
  strategy.order = object.parsed_or("order", parse_order, strategy.order);
  strategy.layout = object.parsed_or("layout", parse_layout, strategy.layout);
  strategy.exchange = object.parsed_or("exchange", parse_exchange, strategy.exchange);
  strategy.stages = static_cast<int>(object.integer_or("stages", 0, 0, most_degree));
  strategy.gradient_dtype =
      object.parsed_or("gradient_dtype", parse_dtype, strategy.gradient_dtype);
  strategy.inner_degree = static_cast<int>(object.integer_or("inner_degree", 0, 0, most_degree));
  strategy.moves = object.parsed_or("moves", parse_moves, strategy.moves);
  strategy.transfer_order =
      object.parsed_or("transfer_order", parse_transfer_order, strategy.transfer_order);
  strategy.kv_groups = object.parsed_or("kv_groups", parse_kv_groups, strategy.kv_groups);
  strategy.gradient_return =
      object.parsed_or("gradient_return", parse_gradient_return, strategy.gradient_return);
  return strategy;
}

}  // namespace hsap
