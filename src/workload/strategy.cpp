#include "hsap/strategy.hpp"

#include <fmt/format.h>

#include <array>

#include "base/names.hpp"

namespace hsap {
namespace {

constexpr std::array<std::string_view, 2> dtype_names{"bf16", "fp32"};
constexpr std::array<std::string_view, 2> pass_names{"forward", "backward"};
constexpr std::array<std::string_view, 2> order_names{"ulysses-inner", "context-inner"};
constexpr std::array<std::string_view, 5> layout_names{"contiguous", "zigzag", "striped",
                                                       "per_document_zigzag", "balanced"};
constexpr std::array<std::string_view, 5> exchange_names{"ring", "double_ring", "all_gather", "p2p",
                                                         "hierarchical"};

template <typename Enum>
std::size_t position(Enum value) {
  return static_cast<std::size_t>(value);
}

}  // namespace

std::string_view to_string(Dtype dtype) { return dtype_names[position(dtype)]; }
std::string_view to_string(Pass pass) { return pass_names[position(pass)]; }
std::string_view to_string(Order order) { return order_names[position(order)]; }
std::string_view to_string(Layout layout) { return layout_names[position(layout)]; }
std::string_view to_string(Exchange exchange) { return exchange_names[position(exchange)]; }

Result<Dtype> parse_dtype(const std::string& text) {
  return parse_name<Dtype>(text, "dtype", dtype_names);
}
Result<Order> parse_order(const std::string& text) {
  return parse_name<Order>(text, "order", order_names);
}
Result<Layout> parse_layout(const std::string& text) {
  return parse_name<Layout>(text, "layout", layout_names);
}
Result<Exchange> parse_exchange(const std::string& text) {
  return parse_name<Exchange>(text, "exchange", exchange_names);
}

std::string to_string(const Strategy& strategy) {
  std::string text = fmt::format("U{} C{}", strategy.ulysses, strategy.context_parallel);
  if (strategy.context_parallel == 1) return text;  // nothing else has a meaning then
  if (strategy.ulysses > 1) text += fmt::format(" {}", to_string(strategy.order));
  text += fmt::format(" {} {}", to_string(strategy.layout), to_string(strategy.exchange));
  if (strategy.stages > 0) text += fmt::format(" x{}", strategy.stages);
  if (strategy.gradient_dtype == Dtype::bf16) text += " bf16-gradients";
  return text;
}

}  // namespace hsap
