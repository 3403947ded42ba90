#include <algorithm>

#include "compile/lowering.hpp"

namespace hsap {
namespace {

/// Every rank collects the keys and values of all shards before it attends. With more than one
/// stage it does so for one group of key/value heads at a time, so that the heads of the next
/// stage travel while those of this one are used. Backward collects them again; gradients of full
/// length are made and summed home by a reduce-scatter.
class AllGather final : public ContextExchange {
 public:
  explicit AllGather(Lowering& lower);

  Index forward(const Scope& at) override;
  Finished backward(const BackwardScope& at) override;

 private:
  /// Heads of one stage.
  struct Part {
    HeadRange query;
    HeadRange key;
  };
  [[nodiscard]] Part part(const Scope& at, int stage) const;
  using Pairs = std::vector<ScheduleBuilder::Pair>;
  /// The pairs of keys and of values as one collective, or as two.
  [[nodiscard]] std::vector<Pairs> in_groups(ScheduleBuilder::Pair k,
                                             ScheduleBuilder::Pair v) const {
    if (lower_.strategy.kv_groups == KvGroups::fused) return {{k, v}};
    return {{k}, {v}};
  }
  /// Collects the keys of a stage after `reader`, which attended to the memory it takes.
  Block gather(const Scope& at, int stage, Index reader);

  Lowering& lower_;
  int stages_;
  Range all_rows_;
  std::vector<Range> slices_;  ///< by shard
};

AllGather::AllGather(Lowering& lower) : lower_(lower), stages_(lower.strategy.stages) {
  const bool dense = lower.stride() == 1;
  Intervals all;
  for (int c = 0; c < lower.mesh.shards(); ++c) {
    const Intervals& tokens = lower.shards[static_cast<std::size_t>(c)];
    all.insert(all.end(), tokens.begin(), tokens.end());
    slices_.push_back(
        lower.build.slices(dense ? lower.encounters.whole_row(c) : lower.encounters.row(c).slices));
  }
  if (dense) normalise(all);
  all_rows_ = lower.build.intervals(all);
}

AllGather::Part AllGather::part(const Scope& at, int stage) const {
  const int count = at.key_heads.size();
  const HeadRange key = head_range(at.key_heads.begin + count * stage / stages_,
                                   at.key_heads.begin + count * (stage + 1) / stages_);
  const Heads& heads = lower_.problem.heads;
  const int readers = heads.query / heads.key_value;
  return {head_range(std::max<int>(at.query_heads.begin, key.begin * readers),
                     std::min<int>(at.query_heads.end, key.end * readers)),
          key};
}

Block AllGather::gather(const Scope& at, int stage, Index reader) {
  if (stage == stages_) return {};
  const HeadRange heads = part(at, stage).key;
  Block block{key_buffers(lower_, heads, all_rows_)};
  const Group group = lower_.mesh.context_group(at.seat.u);
  const Index before = stage == 0 ? at.ready : reader;
  for (const Pairs& pairs : in_groups({at.own.k, block.data.k}, {at.own.v, block.data.v})) {
    block.complete = lower_.build.all_gather(Stream::keys, group, heads, pairs);
    lower_.build.after(before);
  }
  return block;
}

Index AllGather::forward(const Scope& at) {
  Block next = gather(at, 0, ScheduleBuilder::none);
  Index attend = ScheduleBuilder::none;
  for (int stage = 0; stage < stages_; ++stage) {
    const Block held = next;
    next = gather(at, stage + 1, attend);
    attend =
        lower_.build.attend({at.q, held.data.k, held.data.v, at.o, at.lse}, part(at, stage).query,
                            slices_[static_cast<std::size_t>(at.seat.c)]);
    lower_.build.after(held.complete);
  }
  return attend;
}

Finished AllGather::backward(const BackwardScope& at) {
  const Dtype dtype = lower_.strategy.gradient_dtype;
  const KeyValueAccumulator home = accumulate_into(lower_, at.gradient, dtype);
  Block next = gather(at, 0, ScheduleBuilder::none);
  Index attend = ScheduleBuilder::none;
  Index scatter = ScheduleBuilder::none;
  for (int stage = 0; stage < stages_; ++stage) {
    const Part heads = part(at, stage);
    const Block held = next;
    next = gather(at, stage + 1, attend);
    const KeyValue partial = gradient_buffers(lower_, dtype, heads.key, all_rows_);
    attend = lower_.build.attend_backward(
        {at.q, held.data.k, held.data.v, at.dout, at.lse, at.delta, at.dq, partial.k, partial.v},
        heads.query, slices_[static_cast<std::size_t>(at.seat.c)], {});
    lower_.build.after(held.complete);
    // Gradients of full length are large: those of the stage before leave first.
    lower_.build.after(scatter);
    for (const Pairs& pairs : in_groups({partial.k, home.sum.k}, {partial.v, home.sum.v})) {
      scatter = lower_.build.reduce_scatter(Stream::gradients, lower_.mesh.context_group(at.seat.u),
                                            heads.key, pairs);
      lower_.build.after(attend);
    }
  }
  return {attend, settle(lower_, home, scatter)};
}

}  // namespace

std::unique_ptr<ContextExchange> make_all_gather(Lowering& lower) {
  return std::make_unique<AllGather>(lower);
}

}  // namespace hsap
