#include <algorithm>

#include "compile/lowering.hpp"
#include "compile/p2p_queries.hpp"

namespace hsap {
namespace {

/// One shard sends another exactly the keys that its queries need. A shard's peers are grouped
/// into stages of about equal bytes, so that the keys of the next stage travel while those of
/// this one are used. Backward fetches the same keys again and returns their gradients to the
/// owner, who adds them up. Of some pairs the queries travel instead (Visits).
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
  [[nodiscard]] bool queries_travel(std::span<const Slice> met, int c, int peer);
  [[nodiscard]] std::vector<int> peers_in_turn(int c) const;
  void most_work_first(const Encounters::Row& row, Plan& plan) const;
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
  /// Adds to a step the return of the gradients made in a stage, and of those that others made.
  void add_return(const BackwardScope& at, int stage, const KeyValue& made,
                  const KeyValueAccumulator& home, Step& step) const;

  Lowering& lower_;
  int stages_;
  Visits visits_;
  std::vector<Plan> plans_;  ///< by shard
};

P2p::P2p(Lowering& lower)
    : lower_(lower),
      stages_(lower.strategy.stages),
      visits_(lower),
      plans_(static_cast<std::size_t>(lower.mesh.shards())) {
  for (int c = 0; c < lower.mesh.shards(); ++c) plan_receives(c);
  plan_sends();
}

void P2p::plan_receives(int c) {
  const Encounters::Row row = lower_.encounters.row(c);
  Plan& plan = plans_[static_cast<std::size_t>(c)];
  plan.own = store_meeting(lower_, row.with(c), c, c);
  for (const int peer : peers_in_turn(c)) {
    const std::span<const Slice> met = row.with(peer);
    if (met.empty()) continue;
    if (queries_travel(met, c, peer)) {
      visits_.add(c, peer, met);
    } else {
      plan.receives.push_back({peer, 0, store_rows(lower_, met, &Slice::key, peer)});
    }
  }
  if (lower_.strategy.transfer_order == TransferOrder::most_work) most_work_first(row, plan);
  group(plan.receives);
  for (int stage = 0; stage < stages_; ++stage) plan.stages.push_back(meet(c, stage, row));
}

bool P2p::queries_travel(std::span<const Slice> met, int c, int peer) {
  if (lower_.strategy.moves != Moves::fewest) return lower_.strategy.moves == Moves::queries;
  const auto rows = [&](Interval Slice::*side, int shard) {
    return tokens_in(lower_.build.schedule().intervals_of(store_rows(lower_, met, side, shard)));
  };
  return visits_.query_bytes(rows(&Slice::query, c)) < visits_.key_bytes(rows(&Slice::key, peer));
}

/// By distance: as every shard turns to its peers so, no two turn to the same one at a time. In
/// NIC-balanced rounds first the distance of the nodes counts, so that a node talks to one other at
/// a time, and then that inside them.
std::vector<int> P2p::peers_in_turn(int c) const {
  const int shards = lower_.mesh.shards();
  const bool by_node = lower_.strategy.transfer_order == TransferOrder::nic_balanced;
  const int inner = by_node ? lower_.strategy.inner_degree : shards;
  const int nodes = shards / inner;
  std::vector<int> peers;
  for (int outward = 0; outward < nodes; ++outward) {
    const int node = (c / inner - outward + nodes) % nodes;
    for (int inward = 0; inward < inner; ++inward) {
      const int peer = node * inner + (c % inner - inward + inner) % inner;
      if (peer != c) peers.push_back(peer);
    }
  }
  return peers;
}

/// Most pairs for each row that has to come.
void P2p::most_work_first(const Encounters::Row& row, Plan& plan) const {
  std::vector<double> gain(plans_.size());  // by peer
  for (const Delivery& delivery : plan.receives) {
    std::int64_t pairs = 0;
    for (const Slice& slice : row.with(delivery.peer)) pairs += area(slice);
    gain[static_cast<std::size_t>(delivery.peer)] =
        static_cast<double>(pairs) / static_cast<double>(tokens(delivery));
  }
  std::stable_sort(
      plan.receives.begin(), plan.receives.end(), [&](const Delivery& a, const Delivery& b) {
        return gain[static_cast<std::size_t>(a.peer)] > gain[static_cast<std::size_t>(b.peer)];
      });
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
  Step step;
  for (const Delivery& to : sends) {
    step.sends.push_back({rank_of(at, to.peer), at.own, to.rows});
  }
  for (const Delivery& from : receives) {
    step.receives.push_back({rank_of(at, from.peer), block.data, from.rows});
  }
  block.complete = exchange_step(lower_, Stream::keys, at.key_heads, step, {at.ready, reader});
  return block;
}

Index P2p::forward(const Scope& at) {
  const Visits::Questions questions = visits_.ask(at);
  Block next = fetch(at, 0, ScheduleBuilder::none);
  Index done = attend_own(lower_, at, plan(at).own);
  const Visits::Answers answers = visits_.serve(at, questions);
  Index reader = ScheduleBuilder::none;
  for (int stage = 0; stage < stages_; ++stage) {
    const Block held = next;
    next = fetch(at, stage + 1, reader);
    reader = ScheduleBuilder::none;
    if (work(at, stage).empty()) continue;
    reader = attend_and_merge(lower_, at, work(at, stage), held.data, held.complete);
    done = lower_.build.next() - 1;
  }
  return visits_.merge(at, answers, done);
}

void P2p::add_return(const BackwardScope& at, int stage, const KeyValue& made,
                     const KeyValueAccumulator& home, Step& step) const {
  for (const Delivery& from : of_stage(plan(at).receives, stage)) {
    step.sends.push_back({rank_of(at, from.peer), made, from.rows});
  }
  for (const Delivery& to : of_stage(plan(at).sends, stage)) {
    step.receives.push_back({rank_of(at, to.peer), home.sum, to.rows, true});
  }
}

Finished P2p::backward(const BackwardScope& at) {
  const bool fetches = !plan(at).receives.empty() || visits_.asks(at);
  const bool gives = !plan(at).sends.empty() || visits_.serves(at);
  const Dtype travelling = lower_.strategy.gradient_dtype;
  const Dtype at_rest = lower_.problem.dtype;
  const Accumulator dq = accumulate_into(lower_, at.dq, fetches ? Dtype::fp32 : at_rest);
  const KeyValueAccumulator home =
      accumulate_into(lower_, at.gradient, gives ? travelling : at_rest);
  const Index prepared = lower_.build.next() - 1;
  const Visits::Questions questions = visits_.ask(at, prepared);
  Block next = fetch(at, 0, ScheduleBuilder::none);
  Block made{home.sum, attend_backward(lower_, at, plan(at).own, at.own, dq.sum, home.sum, false)};
  const Visits::Answers answers = visits_.serve(at, questions, home.sum);
  // Others add to the sum only after this rank has.
  if (visits_.serves(at)) made.complete = answers.served;
  Index complete = made.complete;
  Index reader = ScheduleBuilder::none;
  const bool batched = lower_.strategy.gradient_return == GradientReturn::batched;
  Step way_home;
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
    add_return(at, stage, made.data, home, way_home);
    if (way_home.empty() || (batched && stage + 1 < stages_)) continue;
    // After the attend of the stage and so after that of the shard's own keys, which wrote the sum.
    complete = exchange_step(lower_, Stream::gradients, at.key_heads, way_home, {made.complete});
    way_home = {};
  }
  const Index last = visits_.add(at, answers, dq.sum, made.complete);
  return {settle(lower_, dq, last), settle(lower_, home, complete)};
}

}  // namespace

std::unique_ptr<ContextExchange> make_p2p(Lowering& lower) { return std::make_unique<P2p>(lower); }

}  // namespace hsap
