#include "compile/mesh.hpp"

namespace hsap {

HeadRange head_range(int begin, int end) {
  return {static_cast<std::uint16_t>(begin), static_cast<std::uint16_t>(end)};
}

Mesh::Mesh(const Strategy& strategy, const Heads& heads)
    : ulysses_(strategy.ulysses),
      shards_(strategy.context_parallel),
      order_(strategy.order),
      heads_(heads) {}

Rank Mesh::rank(Seat seat) const {
  return order_ == Order::ulysses_inner ? seat.c * ulysses_ + seat.u : seat.u * shards_ + seat.c;
}

Seat Mesh::seat(Rank rank) const {
  if (order_ == Order::ulysses_inner) return {rank % ulysses_, rank / ulysses_};
  return {rank / shards_, rank % shards_};
}

Group Mesh::context_group(int u) const {
  return {rank({u, 0}), shards_, order_ == Order::ulysses_inner ? ulysses_ : 1};
}

HeadRange Mesh::query_heads(int u) const {
  return head_range(heads_.query * u / ulysses_, heads_.query * (u + 1) / ulysses_);
}

HeadRange Mesh::key_heads(int u) const {
  const HeadRange query = query_heads(u);
  const int first = query.begin * heads_.key_value / heads_.query;
  const int last = (query.end - 1) * heads_.key_value / heads_.query;
  return head_range(first, last + 1);
}

HeadRange Mesh::all_query_heads() const { return head_range(0, heads_.query); }
HeadRange Mesh::all_key_heads() const { return head_range(0, heads_.key_value); }

}  // namespace hsap
