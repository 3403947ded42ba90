#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hsap/schedule.hpp"

namespace hsap {

/// Lanes that a message joins: the same one of two ranks.
struct Ends {
  std::uint32_t sender = 0;
  std::uint32_t receiver = 0;
};

/// Room for messages in the running exchanges of lanes, and the messages that wait for it.
///
/// A lane has a side for each direction. Which ranks have room, and which a side waits for, are
/// rows of bits: every message that ends asks its two lanes who can take its place, and in an
/// exchange of a thousand ranks a walk over all that wait would be most of a simulation.
class Room {
 public:
  struct Limits {
    int messages = 0;    ///< of a side at once; 0: any number
    bool duplex = true;  ///< both ways between two lanes at once
  };

  /// `lanes`: of a rank. Those of all ranks of the first copy come first, then the next copy's.
  Room(const Limits& limits, std::uint32_t copies, std::uint32_t ranks, std::uint32_t lanes);

  [[nodiscard]] bool has(std::uint32_t lane, Direction direction) const {
    return limits_.messages == 0 || side(lane, direction).moving < limits_.messages;
  }
  [[nodiscard]] bool has(const Ends& lanes) const;
  void take(const Ends& lanes);
  void leave(const Ends& lanes);

  /// A message is ready but has no room; `places` as in Message.
  void wait(const Ends& lanes, const std::array<Index, 2>& places);
  void wait_no_longer(const Ends& lanes);
  /// The places of the messages that wait on a side and have room at their other end.
  void find(std::uint32_t lane, Direction direction, std::vector<Index>& places) const;

 private:
  using Bits = std::vector<std::uint64_t>;
  /// Rows are made when they are first written to: most exchanges have few peers.
  struct Side {
    int moving = 0;             ///< messages under way
    Bits under_way;             ///< by rank, without duplex: sides that send
    Bits waiting;               ///< by rank: there is a message with it that waits
    std::vector<Index> places;  ///< of that message, by rank
  };
  struct Lane {
    std::uint32_t rank = 0;
    std::uint32_t row = 0;  ///< of its sides in `roomy_`: the same for all ranks
    std::array<Side, 2> sides;
  };

  [[nodiscard]] const Side& side(std::uint32_t lane, Direction direction) const {
    return lanes_[lane].sides[static_cast<std::size_t>(direction)];
  }
  [[nodiscard]] Side& side(std::uint32_t lane, Direction direction) {
    return lanes_[lane].sides[static_cast<std::size_t>(direction)];
  }
  void put(Bits& row, std::uint32_t rank, bool value) const;
  void change(std::uint32_t lane, Direction direction, int moving);
  void change(const Ends& lanes, int moving);

  Limits limits_;
  std::uint32_t ranks_ = 0;
  std::vector<Lane> lanes_;
  std::vector<std::array<Bits, 2>> roomy_;  ///< by lane of a rank, in each copy
};

}  // namespace hsap
