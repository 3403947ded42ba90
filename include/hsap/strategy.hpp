#pragma once

#include <cstdint>
#include <optional>
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
  /// The mask whose work the balanced layout shares out, where tokens must lie as other layers
  /// need them; else `mask`.
  std::optional<Mask> balanced_by = {};
};

/// Which ranks a Ulysses group takes: consecutive ones (rank = c * U + u), or a stride of C
/// (rank = u * C + c).
enum class Order : std::uint8_t { ulysses_inner, context_inner };
/// Which tokens each of the C context shards holds.
enum class Layout : std::uint8_t { contiguous, zigzag, striped, per_document_zigzag, balanced };
/// How the shards' keys and values meet the queries.
enum class Exchange : std::uint8_t { ring, double_ring, all_gather, p2p, hierarchical };

/// Which side of a pair of shards that meet travels (p2p). Keys: k and v go to the queries, and
/// their gradients come back. Queries: q goes to the keys, and the partial output with its
/// log-sum-exp comes back (backward: q, do, lse and delta out, dq back). Fewest: for each pair the
/// one that takes fewer bytes.
enum class Moves : std::uint8_t { keys, queries, fewest };
/// In which order a shard meets its peers (p2p). Nearest: by distance in the context group.
/// Most work: those first whose keys unblock the most pairs for each byte. NIC-balanced: in rounds
/// in which every shard talks to one other node (see Strategy::inner_degree) at a time.
enum class TransferOrder : std::uint8_t { nearest, most_work, nic_balanced };
/// Whether k and v (and dk and dv) of a step travel as one exchange or as two.
enum class KvGroups : std::uint8_t { fused, split };
/// When partial dk and dv go home (p2p): after each stage, or all after the last.
enum class GradientReturn : std::uint8_t { at_once, batched };

/// How it is computed: one point of the search space. A choice that has no meaning for the exchange
/// is ignored, and resolve() gives it its default.
struct Strategy {
  int ulysses = 1;           ///< U: ranks that share a token shard and split heads
  int context_parallel = 1;  ///< C: token shards
  Order order = Order::ulysses_inner;
  Layout layout = Layout::zigzag;
  Exchange exchange = Exchange::ring;
  /// Communication steps that can hide behind compute. 0: what is natural for the exchange.
  /// ring: always C - 1. all_gather: groups of KV heads. p2p: groups of peers.
  int stages = 0;
  Dtype gradient_dtype = Dtype::fp32;  ///< in which partial gradients travel
  /// C_inner: how many consecutive shards are near each other, usually those of one node. They
  /// make an inner ring (double_ring), share what crosses the network (hierarchical), or take turns
  /// on it (p2p, nic_balanced). Divides C. 0: all C, as on one node.
  int inner_degree = 0;
  Moves moves = Moves::keys;
  TransferOrder transfer_order = TransferOrder::nearest;
  KvGroups kv_groups = KvGroups::fused;
  GradientReturn gradient_return = GradientReturn::at_once;

  [[nodiscard]] int ranks() const { return ulysses * context_parallel; }
  friend bool operator==(const Strategy&, const Strategy&) = default;
};

/// "U8 C4 ulysses-inner balanced p2p x2": for tables and messages. Leaves out what makes no
/// difference: all but the degrees when C is 1, the order when U is 1, and of the choices after the
/// stages the defaults. Strategies that differ in meaning differ in text.
[[nodiscard]] std::string to_string(const Strategy& strategy);

// Names as the contract spells them ("ulysses-inner", "per_document_zigzag", ...). The readers
// answer an unknown name with an error that lists the known ones.
[[nodiscard]] std::string_view to_string(Dtype dtype);
[[nodiscard]] std::string_view to_string(Pass pass);
[[nodiscard]] std::string_view to_string(Order order);
[[nodiscard]] std::string_view to_string(Layout layout);
[[nodiscard]] std::string_view to_string(Exchange exchange);
[[nodiscard]] std::string_view to_string(Moves moves);
[[nodiscard]] std::string_view to_string(TransferOrder order);
[[nodiscard]] std::string_view to_string(KvGroups groups);
[[nodiscard]] std::string_view to_string(GradientReturn gradient_return);
[[nodiscard]] Result<Dtype> parse_dtype(const std::string& text);
[[nodiscard]] Result<Order> parse_order(const std::string& text);
[[nodiscard]] Result<Layout> parse_layout(const std::string& text);
[[nodiscard]] Result<Exchange> parse_exchange(const std::string& text);
[[nodiscard]] Result<Moves> parse_moves(const std::string& text);
[[nodiscard]] Result<TransferOrder> parse_transfer_order(const std::string& text);
[[nodiscard]] Result<KvGroups> parse_kv_groups(const std::string& text);
[[nodiscard]] Result<GradientReturn> parse_gradient_return(const std::string& text);

}  // namespace hsap
