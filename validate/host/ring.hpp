#pragma once

#include <span>

#include "schedule/meetings.hpp"

namespace hsap::host {

/// A member's place in the ring of a collective: in every step each sends one member's rows to the
/// next and gets another's from the one before. all_gather: each passes on what it got last,
/// beginning with its own rows. reduce_scatter: the rows of member j start at member j + 1 and
/// gather a share at every member on the way to j. Members are positions in the group.
class Ring {
 public:
  Ring(const Schedule& schedule, const Meetings& meetings, Index op);

  [[nodiscard]] std::size_t members() const { return members_.size(); }
  [[nodiscard]] std::size_t self() const { return self_; }
  [[nodiscard]] std::size_t steps() const { return members_.size() - 1; }
  /// Whose rows leave in a step, and whose arrive; those that arrive in one leave in the next.
  [[nodiscard]] std::size_t sent_in(std::size_t step) const;
  [[nodiscard]] std::size_t received_in(std::size_t step) const;
  [[nodiscard]] const Operation& operation(std::size_t member) const {
    return schedule_.operations[members_[member]];
  }
  [[nodiscard]] Rank next() const { return operation((self_ + 1) % members()).rank; }
  [[nodiscard]] Rank before() const { return operation((self_ + steps()) % members()).rank; }
  /// The buffer whose rows are a member's part: it gives them to an all_gather, gets them from a
  /// reduce_scatter. `pair` counts pairs of operands.
  [[nodiscard]] Index part(std::size_t member, std::size_t pair) const;

 private:
  const Schedule& schedule_;
  std::span<const Index> members_;
  std::size_t self_;
  bool gathers_;
};

}  // namespace hsap::host
