#pragma once

#include "compile/lowering.hpp"

namespace hsap {

/// Ulysses: the ranks of a group own the tokens of a shard by rows outside attention and by heads
/// inside it. All-to-alls on Stream::heads change between the two; a group of one rank needs none.
class Ulysses {
 public:
  explicit Ulysses(Lowering& lower);

  /// The whole program of the rank at `seat`: from its inputs at home, through attention by heads
  /// with the keys that `exchange` brings, to its outputs at home.
  void forward(Seat seat, ContextExchange& exchange);
  void backward(Seat seat, ContextExchange& exchange);

 private:
  [[nodiscard]] bool alone() const { return lower_.mesh.ulysses() == 1; }
  [[nodiscard]] const Range& home_rows(Seat seat) const;
  /// Heads of a role on member u inside attention, and on every rank outside it.
  [[nodiscard]] HeadRange heads_of(Role role, int u) const;
  [[nodiscard]] HeadRange all_heads(Role role) const;
  /// Key/value heads of member u that no earlier member holds, and those that one does.
  [[nodiscard]] HeadRange first_held(int u) const;
  [[nodiscard]] HeadRange also_held(int u) const;

  [[nodiscard]] Scope open(Seat seat);
  Index home_buffer(Seat seat, Role role, Usage usage);
  Index shard_buffer(const Scope& at, Role role, Usage usage);

  // Messages of the exchange added last, among all members of the group.
  void to_heads(const Scope& at, Role role, Index home, Index shard);
  using HeadsOf = HeadRange (Ulysses::*)(int u) const;
  void to_home(const Scope& at, Index shard, Index home, HeadsOf heads, bool add = false);
  [[nodiscard]] HeadRange query_heads(int u) const { return lower_.mesh.query_heads(u); }

  void gradients_to_home(const BackwardScope& at, const Finished& finished);

  Lowering& lower_;
  std::vector<Range> home_rows_;  ///< by shard, then member
};

}  // namespace hsap
