#include "cli/strategies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/units.hpp"
#include "cli/inputs.hpp"

namespace hsap::cli {
namespace {

constexpr int most_stages = 1 << 16;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return parts;
}

/// The values of one flag: the default when it is not given, `all` for "all", or its list.
template <typename T, typename Parse>
Result<std::vector<T>> read_list(const char* flag, const std::string& text, T fallback,
                                 const std::vector<T>& all, Parse parse) {
  if (text.empty()) return std::vector<T>{fallback};
  if (text == "all") return all;
  std::vector<T> values;
  for (const std::string& part : split(text)) {
    Result<T> value = parse(part);
    if (!value) return at_flag(flag, std::move(value).error());
    values.push_back(*value);
  }
  return values;
}

std::vector<int> divisors(int n) {
  std::vector<int> found;
  for (int d = 1; d <= n; ++d) {
    if (n % d == 0) found.push_back(d);
  }
  return found;
}

/// 0 stands for a degree that was left out.
Result<std::vector<int>> read_degrees(const char* flag, const std::string& text, int gpus) {
  const auto parse = [&](const std::string& part) -> Result<int> {
    HSAP_TRY(const std::int64_t value, parse_size(part, "degree", 1, 1 << 24));
    if (gpus % value == 0) return static_cast<int>(value);
    return bad_input("the degree does not divide the GPU count", "'" + part + "'",
                     fmt::format("a divisor of {} GPUs", gpus));
  };
  return read_list<int>(flag, text, 0, divisors(gpus), parse);
}

struct Mesh {
  int ulysses = 1;
  int context_parallel = 1;
};

Mesh complete(Mesh mesh, int gpus) {
  if (mesh.ulysses == 0 && mesh.context_parallel == 0) return {1, gpus};
  if (mesh.ulysses == 0) mesh.ulysses = gpus / mesh.context_parallel;
  if (mesh.context_parallel == 0) mesh.context_parallel = gpus / mesh.ulysses;
  return mesh;
}

Result<std::vector<Mesh>> read_meshes(const StrategyOptions& options, int gpus) {
  HSAP_TRY(const std::vector<int> ulysses, read_degrees("--ulysses", options.ulysses, gpus));
  HSAP_TRY(const std::vector<int> context,
           read_degrees("--context-parallel", options.context_parallel, gpus));
  std::vector<Mesh> meshes;
  for (const int u : ulysses) {
    for (const int c : context) {
      const Mesh mesh = complete({u, c}, gpus);
      const std::int64_t ranks = std::int64_t{mesh.ulysses} * mesh.context_parallel;
      if (gpus % ranks == 0) meshes.push_back(mesh);
    }
  }
  if (meshes.empty()) {
    return bad_input("--ulysses x --context-parallel does not divide the GPU count",
                     fmt::format("{} x {}", options.ulysses, options.context_parallel),
                     fmt::format("a divisor of {} GPUs", gpus));
  }
  return meshes;
}

/// Every choice but the mesh.
struct Choices {
  std::vector<Order> orders;
  std::vector<Layout> layouts;
  std::vector<Exchange> exchanges;
  std::vector<int> stages;
  std::vector<Dtype> gradients;
};

Result<std::vector<int>> read_stages(const std::string& text) {
  const auto parse = [](const std::string& part) -> Result<int> {
    HSAP_TRY(const std::int64_t value, parse_size(part, "number of stages", 0, most_stages));
    return static_cast<int>(value);
  };
  return read_list<int>("--stages", text, 0, {0, 1, 2, 4, 8}, parse);
}

Result<Choices> read_choices(const StrategyOptions& options) {
  const Strategy plain;
  HSAP_TRY(std::vector<Order> orders,
           read_list("--order", options.order, plain.order,
                     {Order::ulysses_inner, Order::context_inner}, parse_order));
  HSAP_TRY(std::vector<Layout> layouts,
           read_list("--layout", options.layout, plain.layout,
                     {Layout::contiguous, Layout::zigzag, Layout::striped,
                      Layout::per_document_zigzag, Layout::balanced},
                     parse_layout));
  HSAP_TRY(std::vector<Exchange> exchanges,
           read_list("--exchange", options.exchange, plain.exchange,
                     {Exchange::ring, Exchange::double_ring, Exchange::all_gather, Exchange::p2p,
                      Exchange::hierarchical},
                     parse_exchange));
  HSAP_TRY(std::vector<int> stages, read_stages(options.stages));
  HSAP_TRY(std::vector<Dtype> gradients,
           read_list("--gradient-dtype", options.gradient_dtype, plain.gradient_dtype,
                     {Dtype::bf16, Dtype::fp32}, parse_dtype));
  return Choices{std::move(orders), std::move(layouts), std::move(exchanges), std::move(stages),
                 std::move(gradients)};
}

void append_products(const Mesh& mesh, const Choices& choices, std::vector<Strategy>& out) {
  for (const Order order : choices.orders) {
    for (const Layout layout : choices.layouts) {
      for (const Exchange exchange : choices.exchanges) {
        for (const int stages : choices.stages) {
          for (const Dtype gradient : choices.gradients) {
            out.push_back(
                {mesh.ulysses, mesh.context_parallel, order, layout, exchange, stages, gradient});
          }
        }
      }
    }
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
        &options.exchange, &options.stages, &options.gradient_dtype}) {
    if (*text == "all" || text->find(',') != std::string::npos) return true;
  }
  return false;
}

Result<std::vector<Strategy>> read_strategies(const StrategyOptions& options, int gpus) {
  HSAP_TRY(const std::vector<Mesh> meshes, read_meshes(options, gpus));
  HSAP_TRY(const Choices choices, read_choices(options));
  std::vector<Strategy> strategies;
  for (const Mesh& mesh : meshes) append_products(mesh, choices, strategies);
  keep_first_of_alike(strategies);
  return strategies;
}

}  // namespace hsap::cli
