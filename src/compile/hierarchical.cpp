#include <algorithm>

#include "compile/lowering.hpp"

namespace hsap {
namespace {

/// Like p2p, but keys that several shards of a node need cross the network once. `inner`
/// consecutive shards are a node. For each shard p of another node, the shard of this node that
/// stands where p does in its own is the gateway: it receives the union of the rows that its node
/// needs of p and hands everyone their part. Gradients go the same way back: the gateway adds up
/// those of its node, and the sum crosses the network once.
///
/// Stage 0 is between the shards of a node; the other nodes, by distance, share the rest.
class Hierarchical final : public ContextExchange {
 public:
  explicit Hierarchical(Lowering& lower);

  Index forward(const Scope& at) override;
  Finished backward(const BackwardScope& at) override;

 private:
  /// Rows of the keys of one shard, and who needs them or passes them on.
  struct Need {
    int shard = 0;
    Range rows;
  };
  struct Plan {
    Meeting own;
    std::vector<Meeting> stages;
    std::vector<Need> needs;   ///< of other shards, by stage
    std::vector<Need> relays;  ///< what this one is the gateway of, by stage
  };
  /// Keys of a stage, and those that this rank only passes on.
  struct Fetched {
    Block block;
    KeyValue relayed{};
  };

  [[nodiscard]] int node_of(int c) const { return c / inner_; }
  [[nodiscard]] int gateway(int node, int c) const { return node * inner_ + c % inner_; }
  /// The stage in which a node meets the keys of another, or its own in stage 0.
  [[nodiscard]] int stage_of(int node, int other) const;
  [[nodiscard]] Rank rank_of(const Scope& at, int c) const {
    return lower_.mesh.rank({at.seat.u, c});
  }
  [[nodiscard]] const Plan& plan(int c) const { return plans_[static_cast<std::size_t>(c)]; }
  [[nodiscard]] const Meeting& work(const Scope& at, int stage) const {
    return plan(at.seat.c).stages[static_cast<std::size_t>(stage)];
  }
  [[nodiscard]] const Range* need(int c, int shard) const;
  [[nodiscard]] std::vector<Need> needs_of(int c, int stage) const;
  [[nodiscard]] std::vector<Need> relays_of(int c, int stage) const;

  void plan_needs(int c);
  void plan_relays(int node);
  [[nodiscard]] Meeting meet(int c, int stage, const Encounters::Row& row);
  [[nodiscard]] Range relay_rows(const std::vector<Need>& relays);

  /// Messages between nodes, between a gateway and its node, and inside a node.
  [[nodiscard]] Step across(const Scope& at, int stage, const KeyValue& own,
                            const KeyValue& relayed) const;
  [[nodiscard]] Step fan_out(const Scope& at, int stage, const KeyValue& relayed,
                             const KeyValue& keys) const;
  [[nodiscard]] Step inside(const Scope& at, const KeyValue& own, const KeyValue& keys) const;
  Fetched fetch(const Scope& at, int stage, Index reader);
  /// Room for the gradients that this rank adds up for its node, holding zeros.
  Block clear_sum(const BackwardScope& at, int stage, const KeyValue& relayed, Index dq);
  /// Returns the operation after which what others made of this shard's keys has been added.
  Index give_back(const BackwardScope& at, int stage, const Block& made, const Block& sum,
                  const KeyValueAccumulator& home);
  [[nodiscard]] bool gives(const Scope& at) const;

  Lowering& lower_;
  int inner_;
  int nodes_;
  int stages_;  ///< with stage 0
  std::vector<Plan> plans_;
};

/// The same step backwards: what was sent is received and added.
Step reversed(const Step& step) {
  Step back{step.receives, step.sends};
  for (Parcel& parcel : back.receives) parcel.add = true;
  return back;
}

Hierarchical::Hierarchical(Lowering& lower)
    : lower_(lower),
      inner_(lower.strategy.inner_degree),
      nodes_(lower.mesh.shards() / inner_),
      stages_(nodes_ > 1 ? 1 + lower.strategy.stages : 1),
      plans_(static_cast<std::size_t>(lower.mesh.shards())) {
  for (int c = 0; c < lower.mesh.shards(); ++c) plan_needs(c);
  for (int node = 0; node < nodes_; ++node) plan_relays(node);
}

int Hierarchical::stage_of(int node, int other) const {
  const int distance = (node - other + nodes_) % nodes_;
  return distance == 0 ? 0 : 1 + (distance - 1) * (stages_ - 1) / (nodes_ - 1);
}

void Hierarchical::plan_needs(int c) {
  const Encounters::Row row = lower_.encounters.row(c);
  Plan& plan = plans_[static_cast<std::size_t>(c)];
  plan.own = store_meeting(lower_, row.with(c), c, c);
  const int shards = lower_.mesh.shards();
  for (int distance = 1; distance < shards; ++distance) {
    const int shard = (c - distance + shards) % shards;
    if (row.with(shard).empty()) continue;
    plan.needs.push_back({shard, store_rows(lower_, row.with(shard), &Slice::key, shard)});
  }
  for (int stage = 0; stage < stages_; ++stage) plan.stages.push_back(meet(c, stage, row));
}

Meeting Hierarchical::meet(int c, int stage, const Encounters::Row& row) {
  std::vector<Slice> slices;
  Intervals keys;
  for (const Need& need : needs_of(c, stage)) {
    const std::span<const Slice> met = row.with(need.shard);
    slices.insert(slices.end(), met.begin(), met.end());
    const auto rows = lower_.build.schedule().intervals_of(need.rows);
    keys.insert(keys.end(), rows.begin(), rows.end());
  }
  if (slices.empty()) return {};
  return {lower_.build.slices(slices), store_rows(lower_, slices, &Slice::query, c),
          lower_.build.intervals(keys)};
}

void Hierarchical::plan_relays(int node) {
  for (int shard = 0; shard < lower_.mesh.shards(); ++shard) {
    if (node_of(shard) == node) continue;
    Intervals rows;
    for (int c = node * inner_; c < (node + 1) * inner_; ++c) {
      const Range* needed = need(c, shard);
      if (needed == nullptr) continue;
      const auto list = lower_.build.schedule().intervals_of(*needed);
      rows.insert(rows.end(), list.begin(), list.end());
    }
    if (rows.empty()) continue;
    unite(rows, lower_.stride());
    plans_[static_cast<std::size_t>(gateway(node, shard))].relays.push_back(
        {shard, lower_.build.intervals(rows)});
  }
}

const Range* Hierarchical::need(int c, int shard) const {
  // They stand in the order of their distance.
  const int shards = lower_.mesh.shards();
  const auto distance = [&](int to) { return (c - to + shards) % shards; };
  const std::vector<Need>& needs = plan(c).needs;
  const auto found =
      std::lower_bound(needs.begin(), needs.end(), distance(shard),
                       [&](const Need& each, int wanted) { return distance(each.shard) < wanted; });
  return found != needs.end() && found->shard == shard ? &found->rows : nullptr;
}

std::vector<Hierarchical::Need> Hierarchical::needs_of(int c, int stage) const {
  std::vector<Need> found;
  for (const Need& each : plan(c).needs) {
    if (stage_of(node_of(c), node_of(each.shard)) == stage) found.push_back(each);
  }
  return found;
}

std::vector<Hierarchical::Need> Hierarchical::relays_of(int c, int stage) const {
  std::vector<Need> found;
  for (const Need& each : plan(c).relays) {
    if (stage_of(node_of(c), node_of(each.shard)) == stage) found.push_back(each);
  }
  return found;
}

Range Hierarchical::relay_rows(const std::vector<Need>& relays) {
  Intervals all;
  for (const Need& each : relays) {
    const auto rows = lower_.build.schedule().intervals_of(each.rows);
    all.insert(all.end(), rows.begin(), rows.end());
  }
  return lower_.build.intervals(all);
}

Step Hierarchical::across(const Scope& at, int stage, const KeyValue& own,
                          const KeyValue& relayed) const {
  const int c = at.seat.c;
  Step step;
  for (int node = 0; node < nodes_; ++node) {
    if (node == node_of(c) || stage_of(node, node_of(c)) != stage) continue;
    // They stand in the order of their shards.
    const std::vector<Need>& relays = plan(gateway(node, c)).relays;
    const auto relay =
        std::lower_bound(relays.begin(), relays.end(), c,
                         [](const Need& each, int shard) { return each.shard < shard; });
    if (relay == relays.end() || relay->shard != c) continue;
    step.sends.push_back({rank_of(at, gateway(node, c)), own, relay->rows});
  }
  for (const Need& relay : relays_of(c, stage)) {
    step.receives.push_back({rank_of(at, relay.shard), relayed, relay.rows});
  }
  return step;
}

Step Hierarchical::fan_out(const Scope& at, int stage, const KeyValue& relayed,
                           const KeyValue& keys) const {
  const int c = at.seat.c;
  const int node = node_of(c);
  Step step;
  for (const Need& relay : relays_of(c, stage)) {
    for (int to = node * inner_; to < (node + 1) * inner_; ++to) {
      const Range* rows = need(to, relay.shard);
      if (rows != nullptr) step.sends.push_back({rank_of(at, to), relayed, *rows});
    }
  }
  // From each gateway in the order in which it sends: by shard.
  std::vector<Need> needs = needs_of(c, stage);
  std::sort(needs.begin(), needs.end(),
            [](const Need& a, const Need& b) { return a.shard < b.shard; });
  for (const Need& each : needs) {
    step.receives.push_back({rank_of(at, gateway(node, each.shard)), keys, each.rows});
  }
  return step;
}

Step Hierarchical::inside(const Scope& at, const KeyValue& own, const KeyValue& keys) const {
  const int c = at.seat.c;
  const int node = node_of(c);
  Step step;
  for (int distance = 1; distance < inner_; ++distance) {
    const int to = node * inner_ + (c % inner_ + distance) % inner_;
    const Range* rows = need(to, c);
    if (rows != nullptr) step.sends.push_back({rank_of(at, to), own, *rows});
  }
  for (const Need& each : needs_of(c, 0)) {
    step.receives.push_back({rank_of(at, each.shard), keys, each.rows});
  }
  return step;
}

Hierarchical::Fetched Hierarchical::fetch(const Scope& at, int stage, Index reader) {
  Fetched fetched;
  if (stage == stages_) return fetched;
  if (!work(at, stage).empty()) {
    fetched.block.data = key_buffers(lower_, at.key_heads, work(at, stage).keys);
  }
  if (stage == 0) {
    const Step step = inside(at, at.own, fetched.block.data);
    if (step.empty()) return fetched;
    fetched.block.complete =
        exchange_step(lower_, Stream::keys, at.key_heads, step, {at.ready, reader});
    return fetched;
  }
  const std::vector<Need> relays = relays_of(at.seat.c, stage);
  if (!relays.empty()) fetched.relayed = key_buffers(lower_, at.key_heads, relay_rows(relays));
  const Step network = across(at, stage, at.own, fetched.relayed);
  Index arrived = ScheduleBuilder::none;
  if (!network.empty()) {
    arrived = exchange_step(lower_, Stream::network, at.key_heads, network, {at.ready, reader});
  }
  const Step step = fan_out(at, stage, fetched.relayed, fetched.block.data);
  if (step.empty()) return fetched;
  fetched.block.complete =
      exchange_step(lower_, Stream::keys, at.key_heads, step, {arrived, reader});
  return fetched;
}

Index Hierarchical::forward(const Scope& at) {
  Fetched next = fetch(at, 0, ScheduleBuilder::none);
  Index done = attend_own(lower_, at, plan(at.seat.c).own);
  Index reader = ScheduleBuilder::none;
  for (int stage = 0; stage < stages_; ++stage) {
    const Fetched held = next;
    next = fetch(at, stage + 1, reader);
    reader = ScheduleBuilder::none;
    if (work(at, stage).empty()) continue;
    reader = attend_and_merge(lower_, at, work(at, stage), held.block.data, held.block.complete);
    done = lower_.build.next() - 1;
  }
  return done;
}

bool Hierarchical::gives(const Scope& at) const {
  const int c = at.seat.c;
  for (int other = 0; other < lower_.mesh.shards(); ++other) {
    if (need(other, c) != nullptr) return true;
  }
  return false;
}

Block Hierarchical::clear_sum(const BackwardScope& at, int stage, const KeyValue& relayed,
                              Index dq) {
  const std::vector<Need> relays = relays_of(at.seat.c, stage);
  if (stage == 0 || relays.empty()) return {};
  const KeyValue sum =
      gradient_buffers(lower_, lower_.strategy.gradient_dtype, at.key_heads, relay_rows(relays));
  // No slices: writes zeros to the sum and adds nothing to dq.
  return {sum, attend_backward(lower_, at, Meeting{}, relayed, dq, sum, true)};
}

Index Hierarchical::give_back(const BackwardScope& at, int stage, const Block& made,
                              const Block& sum, const KeyValueAccumulator& home) {
  if (stage == 0) {
    const Step step = reversed(inside(at, home.sum, made.data));
    if (step.empty()) return ScheduleBuilder::none;
    return exchange_step(lower_, Stream::gradients, at.key_heads, step, {made.complete});
  }
  const Step inward = reversed(fan_out(at, stage, sum.data, made.data));
  Index collected = ScheduleBuilder::none;
  if (!inward.empty()) {
    collected = exchange_step(lower_, Stream::gradients, at.key_heads, inward,
                              {made.complete, sum.complete});
  }
  const Step outward = reversed(across(at, stage, home.sum, sum.data));
  if (outward.empty()) return collected;
  return exchange_step(lower_, Stream::gradients, at.key_heads, outward,
                       {made.complete, collected});
}

Finished Hierarchical::backward(const BackwardScope& at) {
  const Dtype travelling = lower_.strategy.gradient_dtype;
  const Dtype at_rest = lower_.problem.dtype;
  const bool fetches = !plan(at.seat.c).needs.empty() || !plan(at.seat.c).relays.empty();
  const Accumulator dq = accumulate_into(lower_, at.dq, fetches ? Dtype::fp32 : at_rest);
  const KeyValueAccumulator home =
      accumulate_into(lower_, at.gradient, gives(at) ? travelling : at_rest);
  Fetched next = fetch(at, 0, ScheduleBuilder::none);
  Block made{home.sum,
             attend_backward(lower_, at, plan(at.seat.c).own, at.own, dq.sum, home.sum, false)};
  Index complete = made.complete;
  Index last = made.complete;
  Index reader = ScheduleBuilder::none;
  for (int stage = 0; stage < stages_; ++stage) {
    const Fetched held = next;
    next = fetch(at, stage + 1, reader);
    reader = ScheduleBuilder::none;
    const Block sum = clear_sum(at, stage, held.relayed, dq.sum);
    if (sum.complete != ScheduleBuilder::none) last = sum.complete;
    if (!work(at, stage).empty()) {
      made.data = gradient_buffers(lower_, travelling, at.key_heads, work(at, stage).keys);
      reader =
          attend_backward(lower_, at, work(at, stage), held.block.data, dq.sum, made.data, true);
      lower_.build.after(held.block.complete);
      made.complete = last = reader;
    }
    const Index returned = give_back(at, stage, made, sum, home);
    if (returned != ScheduleBuilder::none) complete = returned;
  }
  return {settle(lower_, dq, last), settle(lower_, home, complete)};
}

}  // namespace

std::unique_ptr<ContextExchange> make_hierarchical(Lowering& lower) {
  return std::make_unique<Hierarchical>(lower);
}

}  // namespace hsap
