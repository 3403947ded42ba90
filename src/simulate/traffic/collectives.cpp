#include "simulate/traffic/collectives.hpp"

#include <fmt/format.h>

#include <bit>
#include <map>
#include <tuple>

#include "schedule/kinds.hpp"
#include "simulate/traffic/agenda.hpp"

namespace hsap {
namespace {

/// Stream, group and how many collectives of this group came before on this stream.
using Key = std::tuple<Stream, Rank, Rank, Rank, Index>;

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
    const std::span<const Index> members(traffic_.members.data() + collective.members.first,
                                         collective.members.count);
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

/// The operations of each collective, by the order of the ranks in the group.
class Members {
 public:
  explicit Members(const Schedule& schedule) : schedule_(schedule) {}

  Status collect(Rank ranks, Traffic& traffic, std::vector<Index>& collective_of) {
    for (Rank rank = 0; rank < ranks; ++rank) {
      const Range& program = schedule_.programs[rank];
      std::map<Key, Index> seen;
      for (Index op = program.first; op < program.first + program.count; ++op) {
        if (!is_collective(schedule_.operations[op].kind)) continue;
        HSAP_CHECK(enter(op, seen, traffic, collective_of));
      }
    }
    for (Index i = 0; i < traffic.collectives.size(); ++i) {
      if (entered_[i] != traffic.collectives[i].members.count) {
        return incomplete(traffic.members[traffic.collectives[i].members.first]);
      }
    }
    return {};
  }

  /// The reduce_scatter of the all-reduce whose second half collective `number` is, if it is one.
  [[nodiscard]] Index first_half(Index number) const {
    const Half& half = halves_[number];
    return half.members == entered_[number] ? half.first : no_collective;
  }

 private:
  /// How many members of an all_gather follow the same reduce_scatter.
  struct Half {
    Index first = no_collective;
    Index members = 0;
  };

  /// The reduce_scatter whose result is all that this all_gather waits for and spreads, if any.
  [[nodiscard]] Index scatter_before(Index op) const {
    const Operation& gather = schedule_.operations[op];
    if (gather.kind != Kind::all_gather || gather.dependencies.count != 1) return no_operation;
    const Index before = schedule_.dependencies[gather.dependencies.first];
    const Operation& scatter = schedule_.operations[before];
    const bool alike = scatter.kind == Kind::reduce_scatter && scatter.stream == gather.stream &&
                       scatter.heads == gather.heads &&
                       schedule_.group_of(scatter) == schedule_.group_of(gather);
    if (!alike) return no_operation;
    const std::span<const Index> from = schedule_.operands_of(scatter);
    const std::span<const Index> to = schedule_.operands_of(gather);
    bool same = from.size() == to.size();
    for (std::size_t i = 0; same && i < from.size(); ++i) same = from[i] == to[i ^ 1];
    return same ? before : no_operation;
  }

  Status enter(Index op, std::map<Key, Index>& seen, Traffic& traffic,
               std::vector<Index>& collective_of) {
    const Operation& operation = schedule_.operations[op];
    const Group& group = schedule_.group_of(operation);
    const Rank place = (operation.rank - group.first) / group.stride;
    Key key{operation.stream, group.first, group.count, group.stride, 0};
    std::get<4>(key) = seen[key]++;
    const auto [found, added] =
        numbers_.try_emplace(key, static_cast<Index>(traffic.collectives.size()));
    if (added) {
      const Range members{static_cast<Index>(traffic.members.size()),
                          static_cast<Index>(group.count)};
      traffic.collectives.push_back({members, {}, 0});
      traffic.members.resize(traffic.members.size() + members.count, op);
      entered_.push_back(0);
      halves_.emplace_back();
    }
    const Index number = found->second;
    const Index first = traffic.collectives[number].members.first;
    if (schedule_.operations[traffic.members[first]].kind != operation.kind) return incomplete(op);
    traffic.members[first + place] = op;
    ++entered_[number];
    collective_of.push_back(number);
    note_half(op, number);
    return {};
  }

  void note_half(Index op, Index number) {
    if (schedule_.operations[op].kind == Kind::reduce_scatter) number_of_[op] = number;
    const Index scatter = scatter_before(op);
    if (scatter == no_operation) return;
    Half& half = halves_[number];
    if (half.members == 0) half.first = number_of_.at(scatter);
    if (half.first == number_of_.at(scatter)) ++half.members;
  }

  [[nodiscard]] Error incomplete(Index op) const {
    return internal_error(
        fmt::format("operation {} of rank {}: not every rank of its group takes part in this {}",
                    op, schedule_.operations[op].rank, to_string(schedule_.operations[op].kind)));
  }

  const Schedule& schedule_;
  std::map<Key, Index> numbers_;
  std::vector<Index> entered_;
  std::vector<Half> halves_;
  std::map<Index, Index> number_of_;  ///< of the collective of a reduce_scatter
};

}  // namespace

Result<std::vector<Index>> find_collectives(const Schedule& schedule, Rank ranks,
                                            const NodeShape& node, Traffic& traffic) {
  std::vector<Index> collective_of;
  Members members(schedule);
  HSAP_CHECK(members.collect(ranks, traffic, collective_of));
  const auto count = static_cast<Index>(traffic.collectives.size());
  std::vector<bool> all_reduce(count);
  for (Index i = 0; i < count; ++i) {
    if (members.first_half(i) != no_collective) all_reduce[members.first_half(i)] = true;
  }
  Messages messages(schedule, node, traffic);
  for (Index i = 0; i < count; ++i) {
    if (members.first_half(i) == no_collective) messages.add(i, all_reduce[i]);
  }
  return collective_of;
}

}  // namespace hsap
