#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "hsap/schedule.hpp"
#include "hsap/status.hpp"
#include "schedule/meetings.hpp"

namespace hsap {

/// Two ranks between which messages travel, on one stream.
struct Channel {
  Rank from = 0;
  Rank to = 0;  ///< with a Symmetry perhaps one that another rank stands for
  Stream stream = Stream::compute;
};

/// What decides the way of a collective.
struct NodeShape {
  int ranks = 1;         ///< of the schedule on each node
  int first = 0;         ///< rank 0's place in its node
  double in_switch = 0;  ///< ClusterSpec::in_switch
};

inline constexpr Index no_collective = 0xffffffff;

/// Everything that one operation sends to another one: all transfers of a pair of exchanges in one
/// direction (keys and values leave together), or one edge of a collective.
struct Message {
  Index sender = 0;    ///< operation
  Index receiver = 0;  ///< operation
  Channel channel;     ///< here, not behind an index: whoever asks about a message asks for it
  Index collective = no_collective;
  std::array<Index, 2> place{};  ///< among the parts of the sender and of the receiver
  double bytes = 0;
};

/// One all_gather or reduce_scatter of a group, or both halves of an all-reduce.
struct Collective {
  Range messages;           ///< none: a group of one rank, or the second half of an all-reduce
  double memory_bytes = 0;  ///< read and written after the last message
  Index hops = 0;           ///< steps of the data after the first message; in-switch: between nodes
  bool in_switch = false;   ///< NVSwitches add up and spread what the GPUs of a node hold
};

/// Who sends what to whom, for the whole schedule.
struct Traffic {
  std::vector<Channel> channels;
  std::vector<Message> messages;
  Meetings meetings;
  std::vector<Collective> collectives;  ///< by meeting
  std::vector<Index> first;             ///< by operation, and one more: its part of `parts`
  /// Of an exchange: its messages, first those it sends (to itself too), then those it receives, in
  /// the order of its transfers. Of a collective: its number.
  std::vector<Index> parts;

  [[nodiscard]] std::span<const Index> parts_of(Index op) const {
    return {parts.data() + first[op], first[op + 1] - first[op]};
  }
};

/// Of the ranks before `ranks`, which stand for all (Symmetry): pairs the k-th send from a to b on
/// a stream with the k-th receive there, and brings collectives together (find_meetings). Errors
/// (kind internal, verify() finds them first): a transfer or collective without its counterpart.
[[nodiscard]] Result<Traffic> find_traffic(const Schedule& schedule, Rank ranks,
                                           const NodeShape& node);

}  // namespace hsap
