#include "cli/strategies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/units.hpp"
#include "cli/lists.hpp"
#include "hsap/compile.hpp"

namespace hsap::cli {
namespace {

constexpr int most_stages = 1 << 16;

/// `what` does not divide what the GPUs make.
Error no_divisor(const std::string& what, const std::string& found, const Gpus& gpus) {
  if (gpus.per_rank == 1) {
    return bad_input(what + " does not divide the GPU count", found,
                     fmt::format("a divisor of {} GPUs", gpus.all));
  }
  return bad_input(what + " does not divide the ranks that --tensor-parallel leaves", found,
                   fmt::format("a divisor of {}, as {} GPUs are ranks of {}", gpus.ranks(),
                               gpus.all, gpus.per_rank));
}

/// 0 stands for a degree that was left out.
Result<std::vector<int>> read_degrees(const char* flag, const std::string& text, const Gpus& gpus) {
  const auto parse = [&](const std::string& part) -> Result<int> {
    HSAP_TRY(const std::int64_t value, parse_size(part, "degree", 1, 1 << 24));
    if (gpus.ranks() % value == 0) return static_cast<int>(value);
    return no_divisor("the degree", "'" + part + "'", gpus);
  };
  return read_list<int>(flag, text, 0, divisors(gpus.ranks()), parse);
}

struct Mesh {
  int ulysses = 1;
  int context_parallel = 1;
};

Mesh complete(Mesh mesh, int ranks) {
  if (mesh.ulysses == 0 && mesh.context_parallel == 0) return {1, ranks};
  if (mesh.ulysses == 0) mesh.ulysses = ranks / mesh.context_parallel;
  if (mesh.context_parallel == 0) mesh.context_parallel = ranks / mesh.ulysses;
  return mesh;
}

Result<std::vector<Mesh>> read_meshes(const StrategyOptions& options, const Gpus& gpus) {
  HSAP_TRY(const std::vector<int> ulysses, read_degrees("--ulysses", options.ulysses, gpus));
  HSAP_TRY(const std::vector<int> context,
           read_degrees("--context-parallel", options.context_parallel, gpus));
  std::vector<Mesh> meshes;
  for (const int u : ulysses) {
    for (const int c : context) {
      const Mesh mesh = complete({u, c}, gpus.ranks());
      const std::int64_t ranks = std::int64_t{mesh.ulysses} * mesh.context_parallel;
      if (gpus.ranks() % ranks == 0) meshes.push_back(mesh);
    }
  }
  if (meshes.empty()) {
    return no_divisor("--ulysses x --context-parallel",
                      fmt::format("{} x {}", options.ulysses, options.context_parallel), gpus);
  }
  return meshes;
}

Result<std::vector<int>> read_stages(const std::string& text) {
  const auto parse = [](const std::string& part) -> Result<int> {
    HSAP_TRY(const std::int64_t value, parse_size(part, "number of stages", 0, most_stages));
    return static_cast<int>(value);
  };
  return read_list<int>("--stages", text, 0, {0, 1, 2, 4, 8}, parse);
}

Result<std::vector<int>> read_inner_degrees(const std::string& text, int ranks) {
  const auto parse = [](const std::string& part) -> Result<int> {
    HSAP_TRY(const std::int64_t value, parse_size(part, "inner degree", 0, 1 << 24));
    return static_cast<int>(value);
  };
  return read_list<int>("--inner-degree", text, 0, divisors(ranks), parse);
}

/// Every strategy so far with every value in one of its choices, the values fastest.
template <typename T>
Status multiply(std::vector<Strategy>& strategies, T Strategy::*choice,
                Result<std::vector<T>> values) {
  if (!values) return values.error();
  std::vector<Strategy> product;
  product.reserve(strategies.size() * values->size());
  for (const Strategy& strategy : strategies) {
    for (const T& value : *values) {
      product.push_back(strategy);
      product.back().*choice = value;
    }
  }
  strategies = std::move(product);
  return {};
}

/// The same for a choice among the values of an enumeration, all of which `all` lists.
template <typename T>
Status multiply(std::vector<Strategy>& strategies, T Strategy::*choice, const char* flag,
                const std::string& text, const std::vector<T>& all,
                Result<T> (*parse)(const std::string&)) {
  return multiply(strategies, choice, read_list<T>(flag, text, Strategy().*choice, all, parse));
}

Status multiply_choices(std::vector<Strategy>& strategies, const StrategyOptions& options,
                        int ranks) {
  using S = Strategy;
  HSAP_CHECK(multiply(strategies, &S::order, "--order", options.order,
                      {Order::ulysses_inner, Order::context_inner}, parse_order));
  HSAP_CHECK(multiply(strategies, &S::layout, "--layout", options.layout,
                      {Layout::contiguous, Layout::zigzag, Layout::striped,
                       Layout::per_document_zigzag, Layout::balanced},
                      parse_layout));
  HSAP_CHECK(multiply(strategies, &S::exchange, "--exchange", options.exchange,
                      {Exchange::ring, Exchange::double_ring, Exchange::all_gather, Exchange::p2p,
                       Exchange::hierarchical},
                      parse_exchange));
  HSAP_CHECK(
      multiply(strategies, &S::inner_degree, read_inner_degrees(options.inner_degree, ranks)));
  HSAP_CHECK(multiply(strategies, &S::stages, read_stages(options.stages)));
  HSAP_CHECK(multiply(strategies, &S::moves, "--moves", options.moves,
                      {Moves::keys, Moves::queries, Moves::fewest}, parse_moves));
  HSAP_CHECK(
      multiply(strategies, &S::transfer_order, "--transfer-order", options.transfer_order,
               {TransferOrder::nearest, TransferOrder::most_work, TransferOrder::nic_balanced},
               parse_transfer_order));
  HSAP_CHECK(multiply(strategies, &S::kv_groups, "--kv-groups", options.kv_groups,
                      {KvGroups::fused, KvGroups::split}, parse_kv_groups));
  HSAP_CHECK(multiply(strategies, &S::gradient_return, "--gradient-return", options.gradient_return,
                      {GradientReturn::at_once, GradientReturn::batched}, parse_gradient_return));
  return multiply(strategies, &S::gradient_dtype, "--gradient-dtype", options.gradient_dtype,
                  {Dtype::bf16, Dtype::fp32}, parse_dtype);
}

/// An inner degree that was left out is that of the nodes. Takes away choices without a meaning, so
/// that alike strategies are equal.
void settle(std::vector<Strategy>& strategies, int node_ranks) {
  for (Strategy& strategy : strategies) {
    if (strategy.inner_degree == 0) {
      strategy.inner_degree = near_shards(strategy, node_ranks);
    }
    strategy = meaningful(strategy);
  }
}

/// With one shard every layout and exchange is the same, and the name says no more than U and C.
void keep_first_of_alike(std::vector<Strategy>& strategies) {
  std::set<std::string> seen;
  std::erase_if(strategies,
                [&](const Strategy& strategy) { return !seen.insert(to_string(strategy)).second; });
}

}  // namespace

bool is_sweep(const StrategyOptions& options) {
  for (const std::string* text :
       {&options.ulysses, &options.context_parallel, &options.order, &options.layout,
        &options.exchange, &options.stages, &options.gradient_dtype, &options.inner_degree,
        &options.moves, &options.transfer_order, &options.kv_groups, &options.gradient_return}) {
    if (*text == "all" || text->find(',') != std::string::npos) return true;
  }
  return false;
}

Result<std::vector<Strategy>> read_strategies(const StrategyOptions& options, const Gpus& gpus) {
  HSAP_TRY(const std::vector<Mesh> meshes, read_meshes(options, gpus));
  std::vector<Strategy> strategies;
  for (const Mesh& mesh : meshes) {
    strategies.emplace_back();
    strategies.back().ulysses = mesh.ulysses;
    strategies.back().context_parallel = mesh.context_parallel;
  }
  HSAP_CHECK(multiply_choices(strategies, options, gpus.ranks()));
  settle(strategies, gpus.node_ranks());
  keep_first_of_alike(strategies);
  return strategies;
}

}  // namespace hsap::cli
