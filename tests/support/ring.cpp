#include "support/ring.hpp"

#include <numeric>

#include "schedule/builder.hpp"

namespace hsap::test {
namespace {

constexpr Index none = ScheduleBuilder::none;

Token tokens_of(const Batch& batch) {
  return std::accumulate(batch.lengths.begin(), batch.lengths.end(), Token{0});
}

struct KeyValue {
  Index k = none, v = none;
};

class Ring {
 public:
  Ring(const Problem& problem, const std::vector<Intervals>& shards, Pass pass)
      : problem_(problem),
        shards_(shards),
        ranks_(static_cast<Rank>(shards.size())),
        build_(pass, tokens_of(problem.batch), problem.heads),
        queries_{0, static_cast<std::uint16_t>(problem.heads.query)},
        keys_{0, static_cast<std::uint16_t>(problem.heads.key_value)} {
    for (const Intervals& shard : shards) rows_.push_back(build_.intervals(shard));
  }

  Schedule forward() {
    for (Rank rank = 0; rank < ranks_; ++rank) forward_of(rank);
    return build_.finish();
  }

  Schedule backward() {
    for (Rank rank = 0; rank < ranks_; ++rank) backward_of(rank);
    return build_.finish();
  }

 private:
  Index query_buffer(Role role, Usage usage) {
    const Dtype dtype = role == Role::lse || role == Role::delta ? Dtype::fp32 : Dtype::bf16;
    return build_.buffer(role, usage, dtype, queries_, rows_[static_cast<std::size_t>(rank_)]);
  }
  Index key_buffer(Role role, Usage usage, Rank shard) {
    return build_.buffer(role, usage, Dtype::bf16, keys_, rows_[static_cast<std::size_t>(shard)]);
  }
  KeyValue key_values(Usage usage, Rank shard) {
    const Index k = key_buffer(Role::k, usage, shard);
    return {k, key_buffer(Role::v, usage, shard)};
  }
  KeyValue gradients(Usage usage, Rank shard) {
    const Index dk = key_buffer(Role::dk, usage, shard);
    return {dk, key_buffer(Role::dv, usage, shard)};
  }
  [[nodiscard]] Rank shard_at(int step) const { return (rank_ - step + 2 * ranks_) % ranks_; }
  [[nodiscard]] Rank right() const { return (rank_ + 1) % ranks_; }
  [[nodiscard]] Rank left() const { return (rank_ + ranks_ - 1) % ranks_; }

  /// The mask between the rank's queries and the keys of a shard.
  Range slices_with(Rank shard) {
    std::vector<Slice> slices;
    for (const Slice& whole : lower(problem_.mask, problem_.batch)) {
      for (const Interval& query : shards_[static_cast<std::size_t>(rank_)]) {
        for (const Interval& key : shards_[static_cast<std::size_t>(shard)]) {
          cut(whole, query, key, slices);
        }
      }
    }
    return build_.slices(slices);
  }

  /// Sends what this step works on and receives what the next one will.
  Index pass_on(const KeyValue& current, const KeyValue& next, int step, Index before) {
    const Range& sent = rows_[static_cast<std::size_t>(shard_at(step))];
    const Range& received = rows_[static_cast<std::size_t>(shard_at(step + 1))];
    const Index exchange = build_.exchange(Stream::keys);
    for (const Index buffer : {current.k, current.v}) build_.send(right(), buffer, sent, keys_);
    for (const Index buffer : {next.k, next.v}) build_.receive(left(), buffer, received, keys_);
    build_.after(before);
    return exchange;
  }

  void open(Rank rank) {
    rank_ = rank;
    build_.begin_rank(rows_[static_cast<std::size_t>(rank)]);
  }

  void forward_of(Rank rank) {
    open(rank);
    const Index q = query_buffer(Role::q, Usage::input);
    const Index o = query_buffer(Role::o, Usage::output);
    const Index lse = query_buffer(Role::lse, Usage::saved);
    KeyValue current = key_values(Usage::input, rank);
    Index arrived = none;
    for (int step = 0; step < ranks_; ++step) {
      KeyValue next;
      Index exchange = none;
      if (step + 1 < ranks_) {
        next = key_values(Usage::staging, shard_at(step + 1));
        exchange = pass_on(current, next, step, arrived);
      }
      const Index step_o = step == 0 ? o : query_buffer(Role::o, Usage::staging);
      const Index step_lse = step == 0 ? lse : query_buffer(Role::lse, Usage::staging);
      build_.attend({q, current.k, current.v, step_o, step_lse}, queries_,
                    slices_with(shard_at(step)));
      build_.after(arrived);
      if (step > 0) build_.merge(step_o, step_lse, o, lse, queries_);
      current = next;
      arrived = exchange;
    }
  }

  void backward_of(Rank rank) {
    open(rank);
    const Index q = query_buffer(Role::q, Usage::input);
    const Index o = query_buffer(Role::o, Usage::input);
    const Index lse = query_buffer(Role::lse, Usage::input);
    const Index dout = query_buffer(Role::dout, Usage::input);
    const Index delta = query_buffer(Role::delta, Usage::staging);
    const Index dq = query_buffer(Role::dq, Usage::output);
    const KeyValue result = gradients(Usage::output, rank);
    KeyValue current = key_values(Usage::input, rank);
    KeyValue travelling;
    build_.delta(o, dout, delta, queries_);
    Index arrived = none, attended = none;
    for (int step = 0; step < ranks_; ++step) {
      KeyValue next;
      Index exchange = none;
      if (step + 1 < ranks_) {
        next = key_values(Usage::staging, shard_at(step + 1));
        exchange = pass_on(current, next, step, arrived);
      }
      const KeyValue partial = gradients(Usage::staging, shard_at(step));
      attended = build_.attend_backward(
          {q, current.k, current.v, dout, lse, delta, dq, partial.k, partial.v}, queries_,
          slices_with(shard_at(step)), {step > 0, false});
      build_.after(arrived);
      if (step > 0) send_home(travelling, partial, step, true, attended);
      travelling = partial;
      current = next;
      arrived = exchange;
    }
    send_home(travelling, result, ranks_, false, attended);
  }

  /// Hands the gradients of the step before to the right and takes those of this step.
  void send_home(const KeyValue& sent, const KeyValue& received, int step, bool add, Index after) {
    const Range& theirs = rows_[static_cast<std::size_t>(shard_at(step - 1))];
    const Range& ours = rows_[static_cast<std::size_t>(shard_at(step))];
    build_.exchange(Stream::gradients);
    for (const Index buffer : {sent.k, sent.v}) build_.send(right(), buffer, theirs, keys_);
    for (const Index buffer : {received.k, received.v}) {
      build_.receive(left(), buffer, ours, keys_, add);
    }
    build_.after(after);
  }

  const Problem& problem_;
  const std::vector<Intervals>& shards_;
  Rank ranks_;
  Rank rank_ = 0;
  ScheduleBuilder build_;
  HeadRange queries_;
  HeadRange keys_;
  std::vector<Range> rows_;  ///< by shard
};

}  // namespace

Schedule ring(const Problem& problem, const std::vector<Intervals>& shards, Pass pass) {
  Ring ring(problem, shards, pass);
  return pass == Pass::forward ? ring.forward() : ring.backward();
}

std::vector<Intervals> contiguous(Token tokens, int shards) {
  std::vector<Intervals> list;
  for (int c = 0; c < shards; ++c) {
    const std::int64_t begin = std::int64_t{tokens} * c / shards;
    const std::int64_t end = std::int64_t{tokens} * (c + 1) / shards;
    list.push_back({make_interval(static_cast<Token>(begin), static_cast<Token>(end))});
  }
  return list;
}

std::vector<Intervals> striped(Token tokens, int shards) {
  std::vector<Intervals> list;
  for (int c = 0; c < shards; ++c) list.push_back({make_interval(c, tokens, shards)});
  return list;
}

}  // namespace hsap::test
