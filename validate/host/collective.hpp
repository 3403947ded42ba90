#pragma once

#include <string>
#include <vector>

#include "validate/host/messages.hpp"
#include "validate/host/ring.hpp"

namespace hsap::host {

/// One member's part of a collective as a ring, one step after the other.
template <typename T>
class Collective {
 public:
  Collective(const Schedule& schedule, Index op, const Meetings& meetings, Memory& memory);

  bool advance(Mail& mail);
  [[nodiscard]] bool complete() const {
    return all_meet() && received_ == ring_.steps() && sent_ == ring_.steps();
  }
  [[nodiscard]] std::string report() const;

 private:
  /// False when a rank of the group never joins: the others wait for it, and say so.
  [[nodiscard]] bool all_meet() const;
  [[nodiscard]] bool gathers() const { return op_.kind == Kind::all_gather; }
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

  const Schedule& schedule_;
  const Operation& op_;
  Ring ring_;
  Memory& memory_;
  std::size_t pairs_ = 0;
  std::size_t sent_ = 0;
  std::size_t received_ = 0;
  Message held_;  ///< goes out in the next step
};

}  // namespace hsap::host
