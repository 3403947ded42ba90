#pragma once

#include <memory>
#include <vector>

#include "compile/encounters.hpp"
#include "compile/mesh.hpp"
#include "hsap/compile.hpp"
#include "schedule/builder.hpp"

namespace hsap {

/// What every part of the compiler shares while it lowers one problem.
struct Lowering {
  Lowering(const Problem& problem, const Strategy& strategy, Pass pass);
  Lowering(const Lowering&) = delete;
  Lowering& operator=(const Lowering&) = delete;

  const Problem& problem;
  Strategy strategy;
  Mesh mesh;
  std::vector<Intervals> shards;  ///< tokens of each context shard
  Encounters encounters;
  ScheduleBuilder build;
  std::vector<Range> shard_rows;  ///< the same as ranges of the schedule

  /// Distance of consecutive tokens of a shard.
  [[nodiscard]] Token stride() const;
};

/// Work of one attend: its slices, and the query rows and key rows that they touch. Stored once
/// and used by every member of a Ulysses group.
struct Meeting {
  Range slices;
  Range queries;
  Range keys;

  [[nodiscard]] bool empty() const { return slices.count == 0; }
};
[[nodiscard]] Meeting store_meeting(Lowering& lower, std::span<const Slice> slices, int query_shard,
                                    int key_shard);
/// Rows of a shard that some slices touch, by query or by key.
[[nodiscard]] Range store_rows(Lowering& lower, std::span<const Slice> slices,
                               Interval Slice::*side, int shard);

/// Keys and values of the same rows, or their gradients.
struct KeyValue {
  Index k = 0;
  Index v = 0;
};
[[nodiscard]] KeyValue key_buffers(Lowering& lower, HeadRange heads, const Range& rows);
[[nodiscard]] KeyValue gradient_buffers(Lowering& lower, Dtype dtype, HeadRange heads,
                                        const Range& rows);
/// Keys and values, or gradients, that are on their way or were made here.
struct Block {
  KeyValue data;
  Index complete = ScheduleBuilder::none;  ///< the operation after which it stands
};
/// Rows of keys and values, or of their gradients, that go to a peer or come from it.
struct Parcel {
  Rank peer = 0;
  KeyValue data;
  Range rows;
  bool add = false;  ///< a receive that adds
};
/// What one rank sends and receives in one step of an exchange.
struct Step {
  std::vector<Parcel> sends;
  std::vector<Parcel> receives;

  [[nodiscard]] bool empty() const { return sends.empty() && receives.empty(); }
};
/// Adds the exchange of a step, after the operations given: keys and values together, or with
/// split groups one after the other. Returns the operation after which all has arrived.
Index exchange_step(Lowering& lower, Stream stream, HeadRange heads, const Step& step,
                    std::initializer_list<Index> after);

/// Attention of one rank, as a context exchange sees it: tokens of one shard, heads of one
/// member of the Ulysses group.
struct Scope {
  Seat seat;
  HeadRange query_heads;
  HeadRange key_heads;
  Range rows;  ///< of the shard
  Index q = 0;
  KeyValue own;                         ///< keys and values of the shard
  Index o = 0;                          ///< result of forward, input of backward
  Index lse = 0;                        ///< likewise
  Index ready = ScheduleBuilder::none;  ///< operation after which the inputs stand
};
struct BackwardScope : Scope {
  Index dout = 0;
  Index delta = 0;  ///< stands on the compute stream
  Index dq = 0;     ///< results, in the dtype of the problem
  KeyValue gradient{};
};

/// Operations after which the results of a backward pass stand.
struct Finished {
  Index query = ScheduleBuilder::none;
  Index key = ScheduleBuilder::none;
};

/// How the shards' keys and values meet the queries: adds the operations of one rank to the
/// schedule. One file per exchange; a ring is a double ring with one inner ring.
class ContextExchange {
 public:
  virtual ~ContextExchange() = default;
  /// Returns the operation after which o and lse stand.
  virtual Index forward(const Scope& at) = 0;
  virtual Finished backward(const BackwardScope& at) = 0;
};
[[nodiscard]] std::unique_ptr<ContextExchange> make_ring(Lowering& lower, int inner);
[[nodiscard]] std::unique_ptr<ContextExchange> make_all_gather(Lowering& lower);
[[nodiscard]] std::unique_ptr<ContextExchange> make_p2p(Lowering& lower);
[[nodiscard]] std::unique_ptr<ContextExchange> make_hierarchical(Lowering& lower);

/// Attends to the shard's own keys; writes every row of the scope's o and lse.
Index attend_own(Lowering& lower, const Scope& at, const Meeting& work);
/// Attends to `keys`, which stand after `arrived`, into a partial result of the rows concerned and
/// merges that into the scope's o and lse. Returns the attend; the merge is the next operation.
Index attend_and_merge(Lowering& lower, const Scope& at, const Meeting& work, const KeyValue& keys,
                       Index arrived);
/// Writes `gradient` of the keys; writes or adds to `dq`.
Index attend_backward(Lowering& lower, const BackwardScope& at, const Meeting& work,
                      const KeyValue& keys, Index dq, const KeyValue& gradient,
                      bool accumulate_query);

/// A result that several operations add to in another dtype, and where it ends up.
struct Accumulator {
  Index sum = 0;  ///< the result itself if that already has the dtype
  Index result = 0;
};
struct KeyValueAccumulator {
  KeyValue sum;
  KeyValue result;
};
[[nodiscard]] Accumulator accumulate_into(Lowering& lower, Index result, Dtype dtype);
[[nodiscard]] KeyValueAccumulator accumulate_into(Lowering& lower, const KeyValue& result,
                                                  Dtype dtype);
/// Casts the sum into the result where they differ. `done` completes the sum; returns what
/// completes the result.
Index settle(Lowering& lower, const Accumulator& accumulator, Index done);
Index settle(Lowering& lower, const KeyValueAccumulator& accumulator, Index done);

}  // namespace hsap
