#include "simulate/traffic/collectives.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "schedule/kinds.hpp"
#include "simulate/traffic/agenda.hpp"

namespace hsap {
namespace {

/// Bytes of the whole that a rank ends up with (all_gather) or starts from (reduce_scatter).
double whole_bytes(const Schedule& schedule, const Operation& op) {
  const std::span<const Index> operands = schedule.operands_of(op);
  double bytes = 0;
  for (std::size_t i = op.kind == Kind::all_gather ? 1 : 0; i < operands.size(); i += 2) {
    const Buffer& buffer = schedule.buffers[operands[i]];
    const std::int64_t rows = tokens_in(schedule.intervals_of(buffer));
    bytes += static_cast<double>(schedule.bytes(buffer, rows, op.heads.size()));
  }
  return bytes;
}

/// Ranks of the group on each node, when that is the same number for all; 0 otherwise.
Rank ranks_per_node(const Group& group, const NodeShape& shape) {
  const auto node = [&](Rank i) {
    return (shape.first + group.first + i * group.stride) / shape.ranks;
  };
  Rank per_node = 0;
  Rank run = 1;
  for (Rank i = 1; i <= group.count; ++i, ++run) {
    if (i < group.count && node(i) == node(i - 1)) continue;
    if (per_node != 0 && per_node != run) return 0;
    per_node = run;
    run = 0;
  }
  return per_node;
}

/// Steps from one node up to the root of a tree of all and down to another.
Index tree_hops(Rank nodes) {
  return 2 * static_cast<Index>(std::bit_width(static_cast<unsigned>(nodes - 1)));
}

class Messages {
 public:
  Messages(const Schedule& schedule, const NodeShape& node, Traffic& traffic)
      : schedule_(schedule), node_(node), traffic_(traffic) {}

  void add(Index number, bool all_reduce) {
    Collective& collective = traffic_.collectives[number];
    const std::span<const Index> members = traffic_.meetings.members_of(number);
    const Operation& op = schedule_.operations[members.front()];
    const Group& group = schedule_.group_of(op);
    const double whole = whole_bytes(schedule_, op);
    if (group.count == 1) {
      collective.memory_bytes = 2 * whole;
      return;
    }
    const Rank per_node = ranks_per_node(group, node_);
    collective.messages.first = static_cast<Index>(traffic_.messages.size());
    if (all_reduce && switches_win(group.count, per_node)) {
      in_switch(number, members, per_node, whole);
    } else {
      const int ways = all_reduce ? 2 : 1;
      ring(number, members, per_node, ways * whole / group.count * (group.count - 1));
      collective.hops = static_cast<Index>(ways * (group.count - 1) - 1);
      // The last share that arrives is only added: read with the own one, and the sum written.
      const bool adds = op.kind == Kind::reduce_scatter && !all_reduce;
      if (adds) collective.memory_bytes = 3 * whole / group.count;
    }
    collective.messages.count =
        static_cast<Index>(traffic_.messages.size()) - collective.messages.first;
  }

 private:
  /// Whether an all-reduce takes clearly less of a GPU's NVLink in the switches than around the
  /// ring, whose steps are shorter.
  [[nodiscard]] bool switches_win(Rank count, Rank per_node) const {
    if (node_.in_switch == 0 || per_node < 2) return false;
    const auto missing = [](Rank parts) { return 1 - 1.0 / parts; };
    constexpr double clearly = 0.9;
    const double ring = 2 * missing(count) * (per_node == count ? 1 : missing(per_node));
    return (1 + 1.0 / per_node) / node_.in_switch < clearly * ring;
  }

  void ring(Index collective, std::span<const Index> members, Rank per_node, double bytes) {
    const auto count = static_cast<Rank>(members.size());
    for (Rank i = 0; i < count; ++i) {
      if (per_node == 0 || per_node == count) {
        edge(collective, members[i], members[(i + 1) % count], bytes);
        continue;
      }
      const double crossing = bytes / per_node;
      edge(collective, members[i], next_in_node(members, per_node, i), bytes - crossing);
      edge(collective, members[i], members[(i + per_node) % count], crossing);
    }
  }

  /// Messages to the neighbour load the links of each GPU in both directions as the switches do. Of
  /// two trees over the nodes each carries half, and a node that is a leaf of one is none of the
  /// other: all nodes send and receive alike.
  void in_switch(Index number, std::span<const Index> members, Rank per_node, double whole) {
    const auto count = static_cast<Rank>(members.size());
    const Rank nodes = count / per_node;
    const double share = whole / per_node;
    for (Rank i = 0; i < count; ++i) {
      edge(number, members[i], next_in_node(members, per_node, i), whole + share);
      edge(number, members[i], members[(i + per_node) % count], 2 * share * (nodes - 1) / nodes);
    }
    traffic_.collectives[number].in_switch = true;
    traffic_.collectives[number].hops = tree_hops(nodes);
  }

  static Index next_in_node(std::span<const Index> members, Rank per_node, Rank i) {
    return members[i - i % per_node + (i + 1) % per_node];
  }

  void edge(Index collective, Index sender, Index receiver, double bytes) {
    if (bytes <= 0) return;
    const Operation& from = schedule_.operations[sender];
    const Channel channel{from.rank, schedule_.operations[receiver].rank, from.stream};
    traffic_.channels.push_back(channel);
    traffic_.messages.push_back({sender, receiver, channel, collective, {}, bytes});
  }

  const Schedule& schedule_;
  NodeShape node_;
  Traffic& traffic_;
};

/// The reduce_scatter whose result is all that this all_gather waits for and spreads, if any.
Index scatter_before(const Schedule& schedule, const Operation& gather) {
  if (gather.kind != Kind::all_gather || gather.dependencies.count != 1) return no_operation;
  const Index before = schedule.dependencies[gather.dependencies.first];
  const Operation& scatter = schedule.operations[before];
  const bool alike = scatter.kind == Kind::reduce_scatter && scatter.stream == gather.stream &&
                     scatter.heads == gather.heads &&
                     schedule.group_of(scatter) == schedule.group_of(gather);
  if (!alike) return no_operation;
  const std::span<const Index> from = schedule.operands_of(scatter);
  const std::span<const Index> to = schedule.operands_of(gather);
  bool same = from.size() == to.size();
  for (std::size_t i = 0; same && i < from.size(); ++i) same = from[i] == to[i ^ 1];
  return same ? before : no_operation;
}

/// The reduce_scatter of the all-reduce whose second half a collective is, for all its members.
Index first_half(const Schedule& schedule, const Meetings& meetings, Index number) {
  Index half = no_collective;
  for (const Index member : meetings.members_of(number)) {
    const Index scatter = scatter_before(schedule, schedule.operations[member]);
    if (scatter == no_operation) return no_collective;
    const Index scatters = meetings.meeting_of[scatter];
    if (half != no_collective && half != scatters) return no_collective;
    half = scatters;
  }
  return half;
}

/// Every rank of the group takes part, in the same kind.
Status check_members(const Schedule& schedule, std::span<const Index> members) {
  const Operation& first = schedule.operations[members.front()];
  const auto same_kind = [&](Index op) { return schedule.operations[op].kind == first.kind; };
  if (std::ssize(members) == schedule.group_of(first).count &&
      std::all_of(members.begin(), members.end(), same_kind)) {
    return {};
  }
  return internal_error(
      fmt::format("operation {} of rank {}: not every rank of its group takes part in this {}",
                  members.front(), first.rank, to_string(first.kind)));
}

}  // namespace

Status find_collectives(const Schedule& schedule, const NodeShape& node, Traffic& traffic) {
  traffic.meetings = find_meetings(schedule);
  const Meetings& meetings = traffic.meetings;
  const auto count = static_cast<Index>(meetings.ranges.size());
  traffic.collectives.resize(count);
  std::vector<Index> halves(count);
  std::vector<bool> all_reduce(count);
  for (Index i = 0; i < count; ++i) {
    HSAP_CHECK(check_members(schedule, meetings.members_of(i)));
    halves[i] = first_half(schedule, meetings, i);
    if (halves[i] != no_collective) all_reduce[halves[i]] = true;
  }
  Messages messages(schedule, node, traffic);
  for (Index i = 0; i < count; ++i) {
    if (halves[i] == no_collective) messages.add(i, all_reduce[i]);
  }
  return {};
}

}  // namespace hsap
