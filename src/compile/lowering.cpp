#include "compile/lowering.hpp"

#include <array>

namespace hsap {
Lowering::Lowering(const Problem& problem_in, const Strategy& strategy_in, Pass pass)
    : problem(problem_in),
      strategy(strategy_in),
      mesh(strategy, problem.heads),
      shards(shard_tokens(strategy.layout, problem, strategy.context_parallel)),
      encounters(lower(problem.mask, problem.batch), shards),
      build(pass, problem.batch.tokens(), problem.heads) {
  shard_rows.reserve(shards.size());
  for (const Intervals& tokens : shards) shard_rows.push_back(build.intervals(tokens));
}

Token Lowering::stride() const {
  return strategy.layout == Layout::striped ? strategy.context_parallel : 1;
}

Range store_rows(Lowering& lower, std::span<const Slice> slices, Interval Slice::*side, int shard) {
  Intervals rows;
  for (const Slice& slice : slices) {
    // Slices of the same rows mostly follow one another.
    if (rows.empty() || !(rows.back() == slice.*side)) rows.push_back(slice.*side);
  }
  unite(rows, lower.stride());
  const auto c = static_cast<std::size_t>(shard);
  return rows == lower.shards[c] ? lower.shard_rows[c] : lower.build.intervals(rows);
}

Meeting store_meeting(Lowering& lower, std::span<const Slice> slices, int query_shard,
                      int key_shard) {
  if (slices.empty()) return {};
  return {lower.build.slices(slices), store_rows(lower, slices, &Slice::query, query_shard),
          store_rows(lower, slices, &Slice::key, key_shard)};
}

KeyValue key_buffers(Lowering& lower, HeadRange heads, const Range& rows) {
  const Dtype dtype = lower.problem.dtype;
  return {lower.build.buffer(Role::k, Usage::staging, dtype, heads, rows),
          lower.build.buffer(Role::v, Usage::staging, dtype, heads, rows)};
}

KeyValue gradient_buffers(Lowering& lower, Dtype dtype, HeadRange heads, const Range& rows) {
  return {lower.build.buffer(Role::dk, Usage::staging, dtype, heads, rows),
          lower.build.buffer(Role::dv, Usage::staging, dtype, heads, rows)};
}

namespace {

constexpr std::array<Index KeyValue::*, 2> pair{&KeyValue::k, &KeyValue::v};

/// The part of a step that is in some of the pair's buffers.
void add_transfers(Lowering& lower, HeadRange heads, const Step& step,
                   std::span<Index KeyValue::*const> buffers) {
  for (const Parcel& parcel : step.sends) {
    for (const auto buffer : buffers) {
      lower.build.send(parcel.peer, parcel.data.*buffer, parcel.rows, heads);
    }
  }
  for (const Parcel& parcel : step.receives) {
    for (const auto buffer : buffers) {
      lower.build.receive(parcel.peer, parcel.data.*buffer, parcel.rows, heads, parcel.add);
    }
  }
}

}  // namespace

Index exchange_step(Lowering& lower, Stream stream, HeadRange heads, const Step& step,
                    std::initializer_list<Index> after) {
  const bool split = lower.strategy.kv_groups == KvGroups::split;
  Index exchange = lower.build.exchange(stream);
  add_transfers(lower, heads, step, split ? std::span(pair).first(1) : std::span(pair));
  for (const Index before : after) lower.build.after(before);
  if (!split) return exchange;
  // The stream keeps it behind the first, and so behind what that waits for.
  exchange = lower.build.exchange(stream);
  add_transfers(lower, heads, step, std::span(pair).last(1));
  return exchange;
}

Index attend_own(Lowering& lower, const Scope& at, const Meeting& work) {
  const Index attend =
      lower.build.attend({at.q, at.own.k, at.own.v, at.o, at.lse}, at.query_heads, work.slices);
  lower.build.after(at.ready);
  return attend;
}

Index attend_and_merge(Lowering& lower, const Scope& at, const Meeting& work, const KeyValue& keys,
                       Index arrived) {
  ScheduleBuilder& build = lower.build;
  const Index o =
      build.buffer(Role::o, Usage::staging, lower.problem.dtype, at.query_heads, work.queries);
  const Index lse =
      build.buffer(Role::lse, Usage::staging, Dtype::fp32, at.query_heads, work.queries);
  const Index attend = build.attend({at.q, keys.k, keys.v, o, lse}, at.query_heads, work.slices);
  build.after(arrived);
  build.merge(o, lse, at.o, at.lse, at.query_heads);
  return attend;
}

Index attend_backward(Lowering& lower, const BackwardScope& at, const Meeting& work,
                      const KeyValue& keys, Index dq, const KeyValue& gradient,
                      bool accumulate_query) {
  return lower.build.attend_backward(
      {at.q, keys.k, keys.v, at.dout, at.lse, at.delta, dq, gradient.k, gradient.v}, at.query_heads,
      work.slices, {.query = accumulate_query, .key = false});
}

Accumulator accumulate_into(Lowering& lower, Index result, Dtype dtype) {
  const Buffer buffer = lower.build.schedule().buffers[result];
  if (buffer.dtype == dtype) return {result, result};
  return {lower.build.buffer(buffer.role, Usage::staging, dtype, buffer.heads, buffer.intervals),
          result};
}

KeyValueAccumulator accumulate_into(Lowering& lower, const KeyValue& result, Dtype dtype) {
  const Accumulator k = accumulate_into(lower, result.k, dtype);
  const Accumulator v = accumulate_into(lower, result.v, dtype);
  return {{k.sum, v.sum}, result};
}

Index settle(Lowering& lower, const Accumulator& accumulator, Index done) {
  if (accumulator.sum == accumulator.result) return done;
  const HeadRange heads = lower.build.schedule().buffers[accumulator.result].heads;
  const Index copy = lower.build.copy(accumulator.sum, accumulator.result, heads);
  lower.build.after(done);
  return copy;
}

Index settle(Lowering& lower, const KeyValueAccumulator& accumulator, Index done) {
  settle(lower, Accumulator{accumulator.sum.k, accumulator.result.k}, done);
  return settle(lower, Accumulator{accumulator.sum.v, accumulator.result.v}, done);
}

}  // namespace hsap
