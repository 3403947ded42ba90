#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "hsap/batch.hpp"
#include "hsap/mask.hpp"
#include "hsap/model.hpp"
#include "hsap/status.hpp"

namespace hsap {

enum class Dtype : std::uint8_t { bf16, fp32 };
[[nodiscard]] constexpr int bytes_of(Dtype dtype) { return dtype == Dtype::bf16 ? 2 : 4; }

enum class Pass : std::uint8_t { forward, backward };

/// What is computed: attention of one layer over one packed batch.
struct Problem {
  Batch batch;
  Mask mask;
  Heads heads;
  Dtype dtype = Dtype::bf16;  ///< of q, k, v, o and their gradients at rest
};

/// Which ranks a Ulysses group takes: consecutive ones (rank = c * U + u), or a stride of C
/// (rank = u * C + c).
enum class Order : std::uint8_t { ulysses_inner, context_inner };
/// Which tokens each of the C context shards holds.
enum class Layout : std::uint8_t { contiguous, zigzag, striped, per_document_zigzag, balanced };
/// How the shards' keys and values meet the queries.
enum class Exchange : std::uint8_t { ring, double_ring, all_gather, p2p, hierarchical };

/// How it is computed: one point of the search space.
struct Strategy {
  int ulysses = 1;           ///< U: ranks that share a token shard and split heads
  int context_parallel = 1;  ///< C: token shards
  Order order = Order::ulysses_inner;
  Layout layout = Layout::zigzag;
  Exchange exchange = Exchange::ring;
  /// Communication steps that can hide behind compute. 0: what is natural for the exchange.
  /// ring: always C - 1. all_gather: groups of KV heads. p2p: groups of peers.
  int stages = 0;
  Dtype gradient_dtype = Dtype::fp32;  ///< in which partial dK and dV travel

  [[nodiscard]] int ranks() const { return ulysses * context_parallel; }
  friend bool operator==(const Strategy&, const Strategy&) = default;
};

/// "U8 C4 ulysses-inner balanced p2p x2": for tables and messages. Leaves out what makes no
/// difference: all but the degrees when C is 1, the order when U is 1.
[[nodiscard]] std::string to_string(const Strategy& strategy);

// Names as the contract spells them ("ulysses-inner", "per_document_zigzag", ...). The readers
// answer an unknown name with an error that lists the known ones.
[[nodiscard]] std::string_view to_string(Dtype dtype);
[[nodiscard]] std::string_view to_string(Pass pass);
[[nodiscard]] std::string_view to_string(Order order);
[[nodiscard]] std::string_view to_string(Layout layout);
[[nodiscard]] std::string_view to_string(Exchange exchange);
[[nodiscard]] Result<Dtype> parse_dtype(const std::string& text);
[[nodiscard]] Result<Order> parse_order(const std::string& text);
[[nodiscard]] Result<Layout> parse_layout(const std::string& text);
[[nodiscard]] Result<Exchange> parse_exchange(const std::string& text);

}  // namespace hsap
