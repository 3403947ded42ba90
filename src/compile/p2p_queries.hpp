#pragma once

#include <vector>

#include "compile/lowering.hpp"

namespace hsap {

/// Pairs of shards of which the queries travel: the asker sends them to the keys, the server
/// attends and answers with a partial result. All visits are one step: questions leave first,
/// servers turn to them after their own keys, and answers travel while keys of other pairs are
/// used.
class Visits {
 public:
  explicit Visits(Lowering& lower);

  void add(int asker, int server, std::span<const Slice> slices);
  [[nodiscard]] bool asks(const Scope& at) const { return !asked_by(at).empty(); }
  [[nodiscard]] bool serves(const Scope& at) const { return !served_by(at).empty(); }
  /// Bytes that a pair takes if queries travel, or if keys do, over all heads and both ways.
  [[nodiscard]] std::int64_t query_bytes(std::int64_t rows) const;
  [[nodiscard]] std::int64_t key_bytes(std::int64_t rows) const;

  /// What came in with the questions, one for each visit that this rank serves.
  struct Questions {
    std::vector<Index> q, dout, lse, delta;
    Index complete = ScheduleBuilder::none;
  };
  /// What came back, one for each visit that this rank asks for. Forward o and lse, backward dq.
  struct Answers {
    std::vector<Index> result, lse;
    Index complete = ScheduleBuilder::none;
    Index served = ScheduleBuilder::none;  ///< the last kernel for others
  };

  Questions ask(const Scope& at);
  Answers serve(const Scope& at, const Questions& questions);
  /// Joins the answers into the scope's o and lse. Returns the last merge, or `done`.
  Index merge(const Scope& at, const Answers& answers, Index done);

  /// `prepared`: after which delta stands.
  Questions ask(const BackwardScope& at, Index prepared);
  /// Adds to `sum`, the gradients of the shard's own keys, and answers with dq.
  Answers serve(const BackwardScope& at, const Questions& questions, const KeyValue& sum);
  Index add(const BackwardScope& at, const Answers& answers, Index dq, Index done);

 private:
  struct Visit {
    int peer = 0;
    Meeting work;
  };
  [[nodiscard]] const std::vector<Visit>& asked_by(const Scope& at) const {
    return asked_[static_cast<std::size_t>(at.seat.c)];
  }
  [[nodiscard]] const std::vector<Visit>& served_by(const Scope& at) const {
    return served_[static_cast<std::size_t>(at.seat.c)];
  }
  [[nodiscard]] Rank rank_of(const Scope& at, const Visit& visit) const {
    return lower_.mesh.rank({at.seat.u, visit.peer});
  }
  [[nodiscard]] std::vector<Index> buffers(const Scope& at, const std::vector<Visit>& visits,
                                           Role role, Dtype dtype);
  /// Parts of the exchange added last: rows of one buffer to the servers, and theirs from askers.
  void question(const Scope& at, Index from, const std::vector<Index>& into);
  void answer(const Scope& at, const std::vector<Index>& from, const std::vector<Index>& into);

  Lowering& lower_;
  std::vector<std::vector<Visit>> asked_;   ///< by asker
  std::vector<std::vector<Visit>> served_;  ///< by server
};

}  // namespace hsap
