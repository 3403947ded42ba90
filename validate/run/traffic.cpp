#include "validate/run/traffic.hpp"

#include "schedule/kinds.hpp"

namespace hsap::validation {
namespace {

void add(LinkBytes& sum, Rank from, Rank to, int node_ranks, std::int64_t bytes) {
  if (from == to) {
    sum.local += bytes;
  } else if (from / node_ranks == to / node_ranks) {
    sum.node += bytes;
  } else {
    sum.network += bytes;
  }
}

/// Bytes of one member's rows in a collective: what it gives to an all_gather, or gets from a
/// reduce_scatter.
std::int64_t share_of(const Schedule& schedule, const Operation& op) {
  std::int64_t bytes = 0;
  const std::size_t side = op.kind == Kind::all_gather ? 0 : 1;
  for (std::size_t pair = 0; pair < op.operands.count / 2; ++pair) {
    const Buffer& buffer = schedule.buffers[schedule.operands_of(op)[2 * pair + side]];
    bytes += schedule.bytes(buffer, tokens_in(schedule.intervals_of(buffer)), op.heads.size());
  }
  return bytes;
}

/// The share of each member travels to all others but one step: gathered rows pass every member
/// except that they do not return, and sums begin behind their owner.
void add_collective(const Schedule& schedule, const Operation& op, int node_ranks, LinkBytes& sum) {
  const Group& group = schedule.group_of(op);
  const std::int64_t share = share_of(schedule, op);
  const Rank own = (op.rank - group.first) / group.stride;
  const Rank first = op.kind == Kind::all_gather ? own : own + 1;
  for (Rank hop = 0; hop + 1 < group.count; ++hop) {
    const Rank from = group.first + (first + hop) % group.count * group.stride;
    const Rank to = group.first + (first + hop + 1) % group.count * group.stride;
    add(sum, from, to, node_ranks, share);
  }
}

}  // namespace

LinkBytes predicted_bytes(const Schedule& schedule, int node_ranks) {
  LinkBytes sum;
  for (const Operation& op : schedule.operations) {
    if (op.kind == Kind::exchange) {
      for (const Transfer& transfer : schedule.transfers_of(op)) {
        if (transfer.direction == Direction::receive) continue;
        add(sum, op.rank, transfer.peer, node_ranks, schedule.bytes(transfer));
      }
    } else if (is_collective(op.kind)) {
      add_collective(schedule, op, node_ranks, sum);
    }
  }
  return sum;
}

LinkBytes measured_bytes(const Execution& execution, int node_ranks) {
  LinkBytes sum;
  const auto ranks = static_cast<Rank>(execution.peak_buffer_bytes.size());
  for (Rank from = 0; from < ranks; ++from) {
    for (Rank to = 0; to < ranks; ++to) add(sum, from, to, node_ranks, execution.sent(from, to));
  }
  return sum;
}

}  // namespace hsap::validation
