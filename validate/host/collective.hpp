#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "validate/host/messages.hpp"

namespace hsap::host {

/// Which operations are one all_gather or reduce_scatter: the k-th of equal groups on a stream.
class Meetings {
 public:
  explicit Meetings(const Schedule& schedule);

  /// The operations of all members, in the order of the group.
  [[nodiscard]] std::span<const Index> of(Index op) const;

 private:
  std::map<Index, std::size_t> meeting_of_;  ///< operation -> meeting
  std::vector<std::vector<Index>> members_;
};

/// One member's part of a collective as a ring, one step after the other. all_gather: each passes
/// on what it got last, beginning with its own rows. reduce_scatter: the rows of member j start at
/// member j + 1 and gather a share at every member on the way to j.
template <typename T>
class Collective {
 public:
  Collective(const Schedule& schedule, Index op, const Meetings& meetings, Memory& memory);

  bool advance(Mail& mail);
  [[nodiscard]] bool complete() const {
    return all_meet() && received_ == steps_ && sent_ == steps_;
  }
  [[nodiscard]] std::string report() const;

 private:
  /// False when a rank of the group never joins: the others wait for it, and say so.
  [[nodiscard]] bool all_meet() const;
  [[nodiscard]] bool gathers() const { return op_.kind == Kind::all_gather; }
  /// Whose rows travel in a step, as a position in the group: those sent, and those that arrive.
  [[nodiscard]] std::size_t sent_in(std::size_t step) const;
  [[nodiscard]] std::size_t received_in(std::size_t step) const;
  /// The rows of a member that travel, in one of the pairs.
  [[nodiscard]] std::vector<Token> rows_of(std::size_t member, std::size_t pair) const;
  /// This rank's own share of the rows of a member.
  [[nodiscard]] Message own_share(std::size_t member);
  /// Adds this rank's share to what came in.
  void add_share(Message& message, std::size_t member);
  /// Puts a message where the rows of a member belong. False when its length is wrong.
  [[nodiscard]] bool put(const Message& message, std::size_t member);
  [[nodiscard]] bool accept(Message message);
  [[nodiscard]] View source(std::size_t pair);
  [[nodiscard]] View destination(std::size_t pair);
  [[nodiscard]] Rank neighbour(std::size_t distance) const;

  const Schedule& schedule_;
  const Operation& op_;
  std::span<const Index> members_;
  Memory& memory_;
  std::size_t position_ = 0;  ///< of this rank in the group
  std::size_t pairs_ = 0;
  std::size_t steps_ = 0;
  std::size_t sent_ = 0;
  std::size_t received_ = 0;
  Message held_;  ///< goes out in the next step
};

}  // namespace hsap::host
