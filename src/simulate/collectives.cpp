#include "simulate/collectives.hpp"

#include <fmt/format.h>

#include <map>
#include <tuple>

namespace hsap {
namespace {

/// Stream, group and how many collectives of this group came before on this stream.
using Key = std::tuple<Stream, Rank, Rank, Rank, Index>;

bool is_collective(const Operation& op) {
  return op.kind == Kind::all_gather || op.kind == Kind::reduce_scatter;
}

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
Rank ranks_per_node(const Group& group, int gpus_per_node) {
  const auto node = [&](Rank i) { return (group.first + i * group.stride) / gpus_per_node; };
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

class Rings {
 public:
  Rings(const Schedule& schedule, int gpus_per_node, Traffic& traffic)
      : schedule_(schedule), gpus_per_node_(gpus_per_node), traffic_(traffic) {}

  void add(Index collective) {
    const std::span<const Index> members(traffic_.members.data() + at(collective).members.first,
                                         at(collective).members.count);
    const Group& group = schedule_.group_of(schedule_.operations[members.front()]);
    at(collective).messages.first = static_cast<Index>(traffic_.messages.size());
    const Rank count = group.count;
    if (count == 1) {
      at(collective).copied_bytes = whole_bytes(schedule_, schedule_.operations[members[0]]);
      return;
    }
    const Rank per_node = ranks_per_node(group, gpus_per_node_);
    for (Rank i = 0; i < count; ++i) {
      const double bytes =
          whole_bytes(schedule_, schedule_.operations[members[i]]) * (count - 1) / count;
      if (per_node == 0 || per_node == count) {
        edge(collective, members[i], members[(i + 1) % count], bytes);
        continue;
      }
      const Rank node = i - i % per_node;
      const double crossing = bytes / per_node;
      edge(collective, members[i], members[node + (i + 1) % per_node], bytes - crossing);
      edge(collective, members[i], members[(i + per_node) % count], crossing);
    }
    at(collective).messages.count =
        static_cast<Index>(traffic_.messages.size()) - at(collective).messages.first;
  }

 private:
  Collective& at(Index collective) { return traffic_.collectives[collective]; }

  void edge(Index collective, Index sender, Index receiver, double bytes) {
    if (bytes <= 0) return;
    const Index channel = static_cast<Index>(traffic_.channels.size());
    traffic_.channels.push_back(
        {schedule_.operations[sender].rank, schedule_.operations[receiver].rank});
    traffic_.messages.push_back({sender, receiver, channel, collective, bytes});
  }

  const Schedule& schedule_;
  int gpus_per_node_;
  Traffic& traffic_;
};

/// The operations of each collective, by the order of the ranks in the group.
class Members {
 public:
  explicit Members(const Schedule& schedule) : schedule_(schedule) {}

  Status collect(Traffic& traffic, std::vector<Index>& collective_of) {
    for (const Range& program : schedule_.programs) {
      std::map<Key, Index> seen;
      for (Index op = program.first; op < program.first + program.count; ++op) {
        if (!is_collective(schedule_.operations[op])) continue;
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

 private:
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
    }
    const Index number = found->second;
    const Index first = traffic.collectives[number].members.first;
    if (schedule_.operations[traffic.members[first]].kind != operation.kind) return incomplete(op);
    traffic.members[first + place] = op;
    ++entered_[number];
    collective_of.push_back(number);
    return {};
  }

  [[nodiscard]] Error incomplete(Index op) const {
    return internal_error(
        fmt::format("operation {} of rank {}: not every rank of its group takes part in this {}",
                    op, schedule_.operations[op].rank, to_string(schedule_.operations[op].kind)));
  }

  const Schedule& schedule_;
  std::map<Key, Index> numbers_;
  std::vector<Index> entered_;
};

}  // namespace

Result<std::vector<Index>> find_collectives(const Schedule& schedule, int gpus_per_node,
                                            Traffic& traffic) {
  std::vector<Index> collective_of;
  HSAP_CHECK(Members(schedule).collect(traffic, collective_of));
  Rings rings(schedule, gpus_per_node, traffic);
  for (Index i = 0; i < traffic.collectives.size(); ++i) rings.add(i);
  return collective_of;
}

}  // namespace hsap
