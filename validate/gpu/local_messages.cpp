#include "validate/gpu/local_messages.hpp"

#include <algorithm>

#include "schedule/kinds.hpp"
#include "validate/gpu/rows.hpp"

namespace hsap::executor {

LocalMessages::LocalMessages(const Schedule& schedule, std::span<RankMemory> memory,
                             device::Device& device)
    : schedule_(schedule),
      memory_(memory),
      device_(device),
      meetings_(find_meetings(schedule)),
      partners_(find_partners(schedule)),
      bytes_sent_(memory.size() * memory.size(), 0) {}

Result<std::vector<device::Launch>> LocalMessages::prepare(Index at) {
  Copies copies;
  const Operation& op = schedule_.operations[at];
  HSAP_CHECK(op.kind == Kind::exchange ? prepare_exchange(op, copies)
                                       : prepare_collective(at, copies));
  return copies;
}

Status LocalMessages::prepare_exchange(const Operation& op, Copies& copies) {
  for (Index i = 0; i < op.payload.count; ++i) {
    const Transfer& receive = schedule_.transfers[op.payload.first + i];
    if (receive.direction != Direction::receive) continue;
    const Index partner = partners_.partner[op.payload.first + i];
    if (partner == Partners::none) continue;  // never issued: reported by the run
    const Transfer& send = schedule_.transfers[partner];
    const auto tokens = host::tokens_of(schedule_.intervals_of(receive));
    if (tokens != host::tokens_of(schedule_.intervals_of(send)) || !(send.heads == receive.heads)) {
      return infeasible("a message that its receiver expects otherwise");
    }
    HSAP_CHECK(add_copy(copies, receive.peer, send.buffer, op.rank, receive.buffer, tokens,
                        receive.heads, receive.add));
    const device::Array rows = memory_of(op.rank).array(receive.buffer, receive.heads);
    count(receive.peer, op.rank, static_cast<std::int64_t>(tokens.size()) * rows.row_bytes());
  }
  return {};
}

/// all_gather: the rows of every member. reduce_scatter: the sum of this member's rows, in the
/// order in which a ring adds them, beginning with the next member.
Status LocalMessages::prepare_collective(Index at, Copies& copies) {
  const Operation& op = schedule_.operations[at];
  const host::Ring ring(schedule_, meetings_, at);
  const bool gathers = op.kind == Kind::all_gather;
  const auto on = schedule_.operands_of(op);
  for (std::size_t pair = 0; pair < on.size() / 2; ++pair) {
    const Index destination = on[2 * pair + 1];
    for (std::size_t i = 1; i <= ring.members(); ++i) {
      const Operation& other = ring.operation((ring.self() + i) % ring.members());
      const Index source = schedule_.operands_of(other)[2 * pair];
      const Buffer& rows = schedule_.buffers[gathers ? source : destination];
      HSAP_CHECK(add_copy(copies, other.rank, source, op.rank, destination,
                          host::tokens_of(schedule_.intervals_of(rows)), op.heads,
                          !gathers && i > 1));
    }
  }
  count_ring(ring);
  return {};
}

Status LocalMessages::add_copy(Copies& copies, Rank from, Index source, Rank to, Index destination,
                               std::span<const Token> tokens, HeadRange heads, bool add) {
  RankMemory& sender = memory_of(from);
  RankMemory& receiver = memory_of(to);
  HSAP_TRY(device::Launch launch,
           device_.prepare(device::Move{
               sender.array(source, heads), receiver.array(destination, heads),
               pair_rows(sender.rows(source), receiver.rows(destination), tokens), add}));
  copies.push_back(std::move(launch));
  return {};
}

void LocalMessages::count(Rank from, Rank to, std::int64_t bytes) {
  bytes_sent_[static_cast<std::size_t>(from) * memory_.size() + static_cast<std::size_t>(to)] +=
      bytes;
}

/// What a ring algorithm passes on to the next member.
void LocalMessages::count_ring(const host::Ring& ring) {
  const Operation& op = ring.operation(ring.self());
  for (std::size_t step = 0; step < ring.steps(); ++step) {
    const std::size_t owner = ring.sent_in(step);
    for (std::size_t pair = 0; pair < op.operands.count / 2; ++pair) {
      const device::Array rows =
          memory_of(ring.operation(owner).rank).array(ring.part(owner, pair), op.heads);
      count(op.rank, ring.next(), rows.rows * rows.row_bytes());
    }
  }
}

std::vector<Index> LocalMessages::partners_of(Index at) const {
  const Operation& op = schedule_.operations[at];
  std::vector<Index> others;
  if (op.kind == Kind::exchange) {
    for (Index i = 0; i < op.payload.count; ++i) {
      const Index partner = partners_.partner[op.payload.first + i];
      if (partner == Partners::none) continue;
      const Index other = partners_.owner[partner];
      if (other != at) others.push_back(other);
    }
    std::sort(others.begin(), others.end());
    others.erase(std::unique(others.begin(), others.end()), others.end());
  } else if (is_collective(op.kind)) {
    for (const Index other : meetings_.of(at)) {
      if (other != at) others.push_back(other);
    }
  }
  return others;
}

bool LocalMessages::has_all_partners(Index at) const {
  const Operation& op = schedule_.operations[at];
  if (is_collective(op.kind)) {
    return static_cast<Rank>(meetings_.of(at).size()) == schedule_.group_of(op).count;
  }
  if (op.kind != Kind::exchange) return true;
  const auto first = partners_.partner.begin() + static_cast<std::ptrdiff_t>(op.payload.first);
  return std::none_of(first, first + static_cast<std::ptrdiff_t>(op.payload.count),
                      [](Index partner) { return partner == Partners::none; });
}

}  // namespace hsap::executor
