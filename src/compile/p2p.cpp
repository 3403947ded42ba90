#include <algorithm>

#include "compile/lowering.hpp"

namespace hsap {
namespace {

/// One shard sends another exactly the keys that its queries need. A shard's peers are grouped
/// into stages of about equal bytes, so that the keys of the next stage travel while those of
/// this one are used. Backward fetches the same keys again and returns their gradients to the
/// owner, who adds them up.
class P2p final : public ContextExchange {
 public:
  explicit P2p(Lowering& lower);

  Index forward(const Scope& at) override;
  Finished backward(const BackwardScope& at) override;

 private:
  /// The rows of one shard's keys that another needs, and in which stage they travel.
  struct Delivery {
    int peer = 0;
    int stage = 0;
    Range rows;
  };
  /// What one shard does in all stages. Deliveries are in order of stage.
  struct Plan {
    Meeting own;
    std::vector<Meeting> stages;
    std::vector<Delivery> receives;
    std::vector<Delivery> sends;
  };
  void plan_receives(int c);
  void group(std::vector<Delivery>& receives);
  [[nodiscard]] Meeting meet(int c, int stage, const Encounters::Row& row);
  void plan_sends();

  [[nodiscard]] std::int64_t tokens(const Delivery& delivery) const {
    return tokens_in(lower_.build.schedule().intervals_of(delivery.rows));
  }
  [[nodiscard]] const Plan& plan(const Scope& at) const {
    return plans_[static_cast<std::size_t>(at.seat.c)];
  }
  [[nodiscard]] const Meeting& work(const Scope& at, int stage) const {
    return plan(at).stages[static_cast<std::size_t>(stage)];
  }
  [[nodiscard]] static std::span<const Delivery> of_stage(const std::vector<Delivery>& all,
                                                          int stage);
  [[nodiscard]] Rank rank_of(const Scope& at, int c) const {
    return lower_.mesh.rank({at.seat.u, c});
  }
  /// Sends and receives the keys of a stage, after `reader` has attended to the memory it takes.
  Block fetch(const Scope& at, int stage, Index reader);
  /// Returns the gradients made in a stage and adds those that others made.
  Index give_back(const BackwardScope& at, int stage, const Block& made,
                  const KeyValueAccumulator& home);

  Lowering& lower_;
  int stages_;
  std::vector<Plan> plans_;  ///< by shard
};

P2p::P2p(Lowering& lower)
    : lower_(lower),
      stages_(lower.strategy.stages),
      plans_(static_cast<std::size_t>(lower.mesh.shards())) {
  for (int c = 0; c < lower.mesh.shards(); ++c) plan_receives(c);
  plan_sends();
}

/// Peers are taken in order of distance: as every shard does so, no two turn to the same one at a
/// time.
void P2p::plan_receives(int c) {
  const int shards = lower_.mesh.shards();
  const Encounters::Row row = lower_.encounters.row(c);
  Plan& plan = plans_[static_cast<std::size_t>(c)];
  plan.own = store_meeting(lower_, row.with(c), c, c);
  for (int distance = 1; distance < shards; ++distance) {
    const int peer = (c - distance + shards) % shards;
    if (row.with(peer).empty()) continue;
    plan.receives.push_back({peer, 0, store_rows(lower_, row.with(peer), &Slice::key, peer)});
  }
  group(plan.receives);
  for (int stage = 0; stage < stages_; ++stage) plan.stages.push_back(meet(c, stage, row));
}

/// Stages of about equal numbers of tokens: a peer goes where the middle of its tokens falls.
void P2p::group(std::vector<Delivery>& receives) {
  std::int64_t all = 0;
  for (const Delivery& delivery : receives) all += tokens(delivery);
  if (all == 0) return;
  std::int64_t before = 0;
  for (Delivery& delivery : receives) {
    const std::int64_t count = tokens(delivery);
    delivery.stage = static_cast<int>((2 * before + count) * stages_ / (2 * all));
    before += count;
  }
}

Meeting P2p::meet(int c, int stage, const Encounters::Row& row) {
  std::vector<Slice> slices;
  Intervals keys;
  for (const Delivery& delivery : of_stage(plans_[static_cast<std::size_t>(c)].receives, stage)) {
    const std::span<const Slice> met = row.with(delivery.peer);
    slices.insert(slices.end(), met.begin(), met.end());
    const std::span<const Interval> rows = lower_.build.schedule().intervals_of(delivery.rows);
    keys.insert(keys.end(), rows.begin(), rows.end());
  }
  if (slices.empty()) return {};
  return {lower_.build.slices(slices), store_rows(lower_, slices, &Slice::query, c),
          lower_.build.intervals(keys)};
}

void P2p::plan_sends() {
  const int shards = lower_.mesh.shards();
  for (int c = 0; c < shards; ++c) {
    for (const Delivery& delivery : plans_[static_cast<std::size_t>(c)].receives) {
      plans_[static_cast<std::size_t>(delivery.peer)].sends.push_back(
          {c, delivery.stage, delivery.rows});
    }
  }
  for (int c = 0; c < shards; ++c) {
    std::vector<Delivery>& sends = plans_[static_cast<std::size_t>(c)].sends;
    std::sort(sends.begin(), sends.end(), [&](const Delivery& a, const Delivery& b) {
      const int distance_a = (a.peer - c + shards) % shards;
      const int distance_b = (b.peer - c + shards) % shards;
      return std::pair(a.stage, distance_a) < std::pair(b.stage, distance_b);
    });
  }
}

std::span<const P2p::Delivery> P2p::of_stage(const std::vector<Delivery>& all, int stage) {
  const auto before = [](const Delivery& delivery, int s) { return delivery.stage < s; };
  const auto first = std::lower_bound(all.begin(), all.end(), stage, before);
  const auto last = std::lower_bound(first, all.end(), stage + 1, before);
  return {first, last};
}

Block P2p::fetch(const Scope& at, int stage, Index reader) {
  if (stage == stages_) return {};
  const auto receives = of_stage(plan(at).receives, stage);
  const auto sends = of_stage(plan(at).sends, stage);
  if (receives.empty() && sends.empty()) return {};
  Block block;
  if (!receives.empty()) {
    block.data = key_buffers(lower_, at.key_heads, work(at, stage).keys);
  }
  block.complete = lower_.build.exchange(Stream::keys);
  for (const Delivery& to : sends) {
    send_both(lower_, rank_of(at, to.peer), at.own, to.rows, at.key_heads);
  }
  for (const Delivery& from : receives) {
    receive_both(lower_, rank_of(at, from.peer), block.data, from.rows, at.key_heads);
  }
  lower_.build.after(at.ready);
  lower_.build.after(reader);
  return block;
}

Index P2p::forward(const Scope& at) {
  Block next = fetch(at, 0, ScheduleBuilder::none);
  Index done = attend_own(lower_, at, plan(at).own);
  Index reader = ScheduleBuilder::none;
  for (int stage = 0; stage < stages_; ++stage) {
    const Block held = next;
    next = fetch(at, stage + 1, reader);
    reader = ScheduleBuilder::none;
    if (work(at, stage).empty()) continue;
    reader = attend_and_merge(lower_, at, work(at, stage), held.data, held.complete);
    done = lower_.build.next() - 1;
  }
  return done;
}

Index P2p::give_back(const BackwardScope& at, int stage, const Block& made,
                     const KeyValueAccumulator& home) {
  const auto fetched = of_stage(plan(at).receives, stage);
  const auto given = of_stage(plan(at).sends, stage);
  if (fetched.empty() && given.empty()) return ScheduleBuilder::none;
  const Index exchange = lower_.build.exchange(Stream::gradients);
  for (const Delivery& from : fetched) {
    send_both(lower_, rank_of(at, from.peer), made.data, from.rows, at.key_heads);
  }
  for (const Delivery& to : given) {
    receive_both(lower_, rank_of(at, to.peer), home.sum, to.rows, at.key_heads, true);
  }
  // After the attend of the stage and so after that of the shard's own keys, which wrote the sum.
  lower_.build.after(made.complete);
  return exchange;
}

Finished P2p::backward(const BackwardScope& at) {
  const bool fetches = !plan(at).receives.empty();
  const bool gives = !plan(at).sends.empty();
  const Dtype travelling = lower_.strategy.gradient_dtype;
  const Dtype at_rest = lower_.problem.dtype;
  const Accumulator dq = accumulate_into(lower_, at.dq, fetches ? Dtype::fp32 : at_rest);
  const KeyValueAccumulator home =
      accumulate_into(lower_, at.gradient, gives ? travelling : at_rest);
  Block next = fetch(at, 0, ScheduleBuilder::none);
  Block made{home.sum, attend_backward(lower_, at, plan(at).own, at.own, dq.sum, home.sum, false)};
  Index complete = made.complete;
  Index reader = ScheduleBuilder::none;
  for (int stage = 0; stage < stages_; ++stage) {
    const Block held = next;
    next = fetch(at, stage + 1, reader);
    reader = ScheduleBuilder::none;
    if (!work(at, stage).empty()) {
      made.data = gradient_buffers(lower_, travelling, at.key_heads, work(at, stage).keys);
      reader = attend_backward(lower_, at, work(at, stage), held.data, dq.sum, made.data, true);
      lower_.build.after(held.complete);
      made.complete = reader;
    }
    const Index returned = give_back(at, stage, made, home);
    if (returned != ScheduleBuilder::none) complete = returned;
  }
  return {settle(lower_, dq, made.complete), settle(lower_, home, complete)};
}

}  // namespace

std::unique_ptr<ContextExchange> make_p2p(Lowering& lower) { return std::make_unique<P2p>(lower); }

}  // namespace hsap
