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
constexpr std::array<std::string_view, 3> moves_names{"keys", "queries", "fewest"};
constexpr std::array<std::string_view, 3> transfer_order_names{"nearest", "most_work",
                                                               "nic_balanced"};
constexpr std::array<std::string_view, 2> kv_groups_names{"fused", "split"};
constexpr std::array<std::string_view, 2> gradient_return_names{"at_once", "batched"};

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

std::string_view to_string(Moves moves) { return moves_names[position(moves)]; }
std::string_view to_string(TransferOrder order) { return transfer_order_names[position(order)]; }
std::string_view to_string(KvGroups groups) { return kv_groups_names[position(groups)]; }
std::string_view to_string(GradientReturn gradient_return) {
  return gradient_return_names[position(gradient_return)];
}

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
Result<Moves> parse_moves(const std::string& text) {
  return parse_name<Moves>(text, "side that moves", moves_names);
}
Result<TransferOrder> parse_transfer_order(const std::string& text) {
  return parse_name<TransferOrder>(text, "order of transfers", transfer_order_names);
}
Result<KvGroups> parse_kv_groups(const std::string& text) {
  return parse_name<KvGroups>(text, "grouping of k and v", kv_groups_names);
}
Result<GradientReturn> parse_gradient_return(const std::string& text) {
  return parse_name<GradientReturn>(text, "return of gradients", gradient_return_names);
}

namespace {

/// The choices that have a default and are not it, each after a space.
std::string variants(const Strategy& strategy) {
  std::string text;
  if (strategy.moves != Moves::keys) text += fmt::format(" move-{}", to_string(strategy.moves));
  if (strategy.transfer_order != TransferOrder::nearest) {
    text += fmt::format(" {}", to_string(strategy.transfer_order));
  }
  if (strategy.kv_groups == KvGroups::split) text += " split-kv";
  if (strategy.gradient_return == GradientReturn::batched) text += " batched-gradients";
  if (strategy.gradient_dtype == Dtype::bf16) text += " bf16-gradients";
  return text;
}

}  // namespace

std::string to_string(const Strategy& strategy) {
  std::string text = fmt::format("U{} C{}", strategy.ulysses, strategy.context_parallel);
  if (strategy.context_parallel == 1) return text;  // nothing else has a meaning then
  if (strategy.ulysses > 1) text += fmt::format(" {}", to_string(strategy.order));
  text += fmt::format(" {} {}", to_string(strategy.layout), to_string(strategy.exchange));
  if (strategy.inner_degree > 0) text += fmt::format("/{}", strategy.inner_degree);
  if (strategy.stages > 0) text += fmt::format(" x{}", strategy.stages);
  return text + variants(strategy);
}

}  // namespace hsap
