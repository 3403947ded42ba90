#include "property/verify/mistakes.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <optional>

namespace hsap::test {
namespace {

/// The indices of operations that satisfy a condition.
template <typename Condition>
std::vector<Index> select(const Schedule& schedule, Condition condition) {
  std::vector<Index> found;
  for (Index at = 0; at < schedule.operations.size(); ++at) {
    if (condition(schedule.operations[at])) found.push_back(at);
  }
  return found;
}

template <typename T>
T& pick(Random& random, std::vector<T>& list) {
  return list[static_cast<std::size_t>(random.between(0, static_cast<int>(list.size()) - 1))];
}

bool is_attend(const Operation& op) {
  return (op.kind == Kind::attend || op.kind == Kind::attend_backward) && op.payload.count > 0;
}

/// Applies `change` to one operation that satisfies `condition`, if there is any.
template <typename Condition, typename Change>
bool change_one(Schedule& schedule, Random& random, Condition condition, Change change) {
  std::vector<Index> found = select(schedule, condition);
  if (found.empty()) return false;
  change(schedule.operations[pick(random, found)]);
  return true;
}

/// A transfer of one exchange, by its index.
struct Chosen {
  Operation* exchange = nullptr;
  Index transfer = 0;
};

template <typename Condition>
std::optional<Chosen> choose_transfer(Schedule& schedule, Random& random, Condition condition) {
  std::vector<Chosen> found;
  for (Operation& op : schedule.operations) {
    if (op.kind != Kind::exchange) continue;
    for (Index t = op.payload.first; t < op.payload.first + op.payload.count; ++t) {
      if (condition(schedule.transfers[t])) found.push_back({&op, t});
    }
  }
  if (found.empty()) return {};
  return pick(random, found);
}

bool any_transfer(const Transfer&) { return true; }

template <typename T>
Range append(std::vector<T>& array, const std::vector<T>& items) {
  const auto first = static_cast<Index>(array.size());
  array.insert(array.end(), items.begin(), items.end());
  return {first, static_cast<Index>(items.size())};
}

/// A list without one token that it holds.
Intervals without(std::span<const Interval> list, Token token) {
  Intervals left;
  for (const Interval& interval : list) {
    const Token row = (token - interval.begin) / interval.stride;
    if (!interval.contains(token)) {
      left.push_back(interval);
      continue;
    }
    if (row > 0) left.push_back(rows_of(interval, 0, row));
    if (row + 1 < interval.size()) left.push_back(rows_of(interval, row + 1, interval.size()));
  }
  return left;
}

/// Turns an operation into one that does nothing but keeps its place and its dependencies.
void silence(Schedule& schedule, Operation& op) {
  op.kind = Kind::compute;
  op.operands.count = 0;
  op.payload = append(schedule.work, {Work{}});
}

/// Takes one transfer out of its exchange.
void remove(Schedule& schedule, const Chosen& chosen) {
  std::vector<Transfer> left;
  const Range old = chosen.exchange->payload;
  for (Index t = old.first; t < old.first + old.count; ++t) {
    if (t != chosen.transfer) left.push_back(schedule.transfers[t]);
  }
  chosen.exchange->payload = append(schedule.transfers, left);
}

/// The receive that a send meets: as many of the same route come before it on its rank.
std::optional<Chosen> other_end(Schedule& schedule, const Chosen& send) {
  const Rank from = send.exchange->rank;
  const Rank to = schedule.transfers[send.transfer].peer;
  const auto nth = [&](Rank rank, Rank peer, Direction direction, auto stop) {
    for (Operation& op : schedule.operations) {
      if (op.kind != Kind::exchange || op.rank != rank || op.stream != send.exchange->stream)
        continue;
      for (Index t = op.payload.first; t < op.payload.first + op.payload.count; ++t) {
        const Transfer& transfer = schedule.transfers[t];
        if (transfer.peer == peer && transfer.direction == direction && stop(Chosen{&op, t}))
          return;
      }
    }
  };
  int turn = 0;
  nth(from, to, Direction::send,
      [&](const Chosen& c) { return c.transfer == send.transfer || (++turn, false); });
  std::optional<Chosen> found;
  nth(to, from, Direction::receive, [&](const Chosen& c) {
    if (turn-- == 0) found = c;
    return found.has_value();
  });
  return found;
}

/// Whether an attend of the rank needs keys that only this receive can have brought.
bool is_needed(const Schedule& schedule, const Chosen& receive) {
  const Transfer& transfer = schedule.transfers[receive.transfer];
  const Buffer& buffer = schedule.buffers[transfer.buffer];
  const bool whole =
      tokens_in(schedule.intervals_of(transfer)) == tokens_in(schedule.intervals_of(buffer)) &&
      transfer.heads == buffer.heads;
  if (!whole || buffer.usage != Usage::staging ||
      (buffer.role != Role::k && buffer.role != Role::v)) {
    return false;
  }
  for (const Operation& op : schedule.program(receive.exchange->rank)) {
    const auto operands = schedule.operands_of(op);
    const bool reads = is_attend(op) && std::find(operands.begin(), operands.end(),
                                                  transfer.buffer) != operands.end();
    if (reads) return true;
  }
  return false;
}

std::optional<Chosen> choose_needed(Schedule& schedule, Random& random) {
  std::vector<Chosen> needed;
  for (Operation& op : schedule.operations) {
    if (op.kind != Kind::exchange) continue;
    for (Index t = op.payload.first; t < op.payload.first + op.payload.count; ++t) {
      const Chosen chosen{&op, t};
      if (schedule.transfers[t].direction == Direction::receive && is_needed(schedule, chosen)) {
        needed.push_back(chosen);
      }
    }
  }
  if (needed.empty()) return {};
  return pick(random, needed);
}

bool drop_slice(Schedule& schedule, Random& random) {
  return change_one(schedule, random, is_attend, [](Operation& op) { --op.payload.count; });
}

bool drop_attend(Schedule& schedule, Random& random) {
  return change_one(schedule, random, is_attend, [&](Operation& op) { silence(schedule, op); });
}

bool double_slice(Schedule& schedule, Random& random) {
  return change_one(schedule, random, is_attend, [&](Operation& op) {
    const auto old = schedule.slices_of(op);
    std::vector<Slice> slices(old.begin(), old.end());
    slices.push_back(slices.front());
    op.payload = append(schedule.slices, slices);
  });
}

/// A slice of a document's first token with a key after it, or of its last with one before it,
/// breaks every mask but the full one; a wider query breaks the document's border.
bool widen_slice(Schedule& schedule, Random& random) {
  const auto narrow = [&](const Operation& op) {
    if (!is_attend(op)) return false;
    const Slice& slice = schedule.slices_of(op)[0];
    return slice.kind == SliceKind::causal && slice.query.size() > 1;
  };
  return change_one(schedule, random, narrow, [&](Operation& op) {
    const auto old = schedule.slices_of(op);
    std::vector<Slice> slices(old.begin(), old.end());
    slices[0].kind = SliceKind::full;
    op.payload = append(schedule.slices, slices);
  });
}

bool fewer_heads(Schedule& schedule, Random& random) {
  const auto several = [](const Operation& op) { return is_attend(op) && op.heads.size() > 1; };
  return change_one(schedule, random, several, [](Operation& op) { --op.heads.end; });
}

bool swap_peer(Schedule& schedule, Random& random) {
  if (schedule.ranks() < 2) return false;
  const auto chosen = choose_transfer(schedule, random, any_transfer);
  if (!chosen) return false;
  Transfer& transfer = schedule.transfers[chosen->transfer];
  transfer.peer = (transfer.peer + 1) % schedule.ranks();
  return true;
}

bool fewer_rows(Schedule& schedule, Random& random) {
  const auto chosen = choose_transfer(
      schedule, random, [](const Transfer& transfer) { return transfer.intervals.count > 0; });
  if (!chosen) return false;
  Transfer& transfer = schedule.transfers[chosen->transfer];
  const auto rows = schedule.intervals_of(transfer);
  transfer.intervals = append(schedule.intervals, without(rows, rows[0].begin));
  return true;
}

bool fewer_heads_sent(Schedule& schedule, Random& random) {
  const auto chosen = choose_transfer(
      schedule, random, [](const Transfer& transfer) { return transfer.heads.size() > 1; });
  if (chosen) --schedule.transfers[chosen->transfer].heads.end;
  return chosen.has_value();
}

bool other_dtype(Schedule& schedule, Random& random) {
  const auto chosen = choose_transfer(schedule, random, any_transfer);
  if (!chosen) return false;
  Dtype& dtype = schedule.buffers[schedule.transfers[chosen->transfer].buffer].dtype;
  dtype = dtype == Dtype::bf16 ? Dtype::fp32 : Dtype::bf16;
  return true;
}

bool shrink_sent_buffer(Schedule& schedule, Random& random) {
  const auto chosen = choose_transfer(
      schedule, random, [](const Transfer& transfer) { return transfer.intervals.count > 0; });
  if (!chosen) return false;
  const Transfer& transfer = schedule.transfers[chosen->transfer];
  const Token token = schedule.intervals_of(transfer)[0].begin;
  Buffer& buffer = schedule.buffers[transfer.buffer];
  buffer.intervals = append(schedule.intervals, without(schedule.intervals_of(buffer), token));
  return true;
}

bool shrink_key_buffer(Schedule& schedule, Random& random) {
  return change_one(schedule, random, is_attend, [&](Operation& op) {
    Buffer& keys = schedule.buffers[schedule.operands_of(op)[1]];
    const Token token = schedule.slices_of(op)[0].key.begin;
    keys.intervals = append(schedule.intervals, without(schedule.intervals_of(keys), token));
  });
}

bool drop_message(Schedule& schedule, Random& random) {
  const auto receive = choose_needed(schedule, random);
  if (!receive) return false;
  const Rank from = schedule.transfers[receive->transfer].peer;
  const auto send = choose_transfer(schedule, random, [&](const Transfer& transfer) {
    if (transfer.direction != Direction::send) return false;
    if (transfer.peer != receive->exchange->rank) return false;
    const auto index = static_cast<Index>(&transfer - schedule.transfers.data());
    for (Operation& op : schedule.operations) {
      const bool owns = op.kind == Kind::exchange && op.rank == from &&
                        op.stream == receive->exchange->stream && index >= op.payload.first &&
                        index < op.payload.first + op.payload.count;
      if (!owns) continue;
      const auto met = other_end(schedule, {&op, index});
      return met && met->transfer == receive->transfer;
    }
    return false;
  });
  REQUIRE(send);
  const Chosen receiving = *receive;
  remove(schedule, *send);
  if (send->exchange == receiving.exchange) return false;
  remove(schedule, receiving);
  return true;
}

/// Without any dependency nothing orders the arrival of keys and their use on another stream.
bool forget_dependencies(Schedule& schedule, Random& random) {
  const auto receive = choose_needed(schedule, random);
  if (!receive || receive->exchange->stream == Stream::compute) return false;
  const Range& program = schedule.programs[static_cast<std::size_t>(receive->exchange->rank)];
  for (Index i = 0; i < program.count; ++i) {
    schedule.operations[program.first + i].dependencies.count = 0;
  }
  return true;
}

/// Every rank puts off the sends of its first exchange of keys to the second: all wait for
/// messages that are sent only afterwards.
bool send_too_late(Schedule& schedule, Random&) {
  bool any = false;
  for (const Range& program : schedule.programs) {
    std::vector<Operation*> exchanges;
    for (Index i = 0; i < program.count; ++i) {
      Operation& op = schedule.operations[program.first + i];
      if (op.kind == Kind::exchange && op.stream == Stream::keys) exchanges.push_back(&op);
    }
    if (exchanges.size() < 2) return false;
    std::vector<Transfer> first, second;
    for (const Transfer& transfer : schedule.transfers_of(*exchanges[0])) {
      const bool receives = transfer.direction == Direction::receive;
      any = any || (receives && transfer.peer != exchanges[0]->rank);
      (receives ? first : second).push_back(transfer);
    }
    for (const Transfer& transfer : schedule.transfers_of(*exchanges[1]))
      second.push_back(transfer);
    if (first.empty()) return false;
    exchanges[0]->payload = append(schedule.transfers, first);
    exchanges[1]->payload = append(schedule.transfers, second);
  }
  return any;
}

/// An earlier attend of the rank that leaves something in a result that a later one adds to.
bool has_predecessor(const Schedule& schedule, const Operation& op, std::size_t result) {
  for (const Operation& earlier : schedule.program(op.rank)) {
    if (&earlier == &op) return false;
    const bool meets = is_attend(earlier) && earlier.heads.begin < op.heads.end &&
                       op.heads.begin < earlier.heads.end &&
                       schedule.operands_of(earlier)[result] == schedule.operands_of(op)[result];
    if (meets) return true;
  }
  return false;
}

bool start_over(Schedule& schedule, Random& random) {
  const auto adds = [&](const Operation& op) {
    const bool attends = op.kind == Kind::attend || op.kind == Kind::attend_backward;
    if (!attends || !op.accumulate_query) return false;
    return has_predecessor(schedule, op, op.kind == Kind::attend ? 3 : 6);
  };
  return change_one(schedule, random, adds, [](Operation& op) { op.accumulate_query = false; });
}

/// Drops a merge or reduction of something that an attend of this rank has just put there.
bool drop_merge(Schedule& schedule, Random& random) {
  const auto merges_much = [&](const Operation& op) {
    if (op.kind != Kind::merge && op.kind != Kind::reduce) return false;
    const Index source = schedule.operands_of(op)[0];
    bool filled = false;
    for (const Operation& earlier : schedule.program(op.rank)) {
      if (&earlier == &op) return filled;
      const auto operands = schedule.operands_of(earlier);
      const bool writes = std::find(operands.begin(), operands.end(), source) != operands.end();
      if (writes && (earlier.kind == Kind::attend || earlier.kind == Kind::attend_backward)) {
        filled = earlier.payload.count > 0;
      }
    }
    return false;
  };
  return change_one(schedule, random, merges_much, [&](Operation& op) { silence(schedule, op); });
}

bool swap_homes(Schedule& schedule, Random& random) {
  if (schedule.ranks() < 2) return false;
  const auto rank = static_cast<std::size_t>(random.between(1, schedule.ranks() - 1));
  std::swap(schedule.home[0], schedule.home[rank]);
  return true;
}

bool withdraw_output(Schedule& schedule, Random& random) {
  std::vector<std::size_t> outputs;
  for (std::size_t i = 0; i < schedule.buffers.size(); ++i) {
    const Buffer& buffer = schedule.buffers[i];
    if (buffer.usage == Usage::output && buffer.intervals.count > 0) outputs.push_back(i);
  }
  if (outputs.empty()) return false;
  schedule.buffers[pick(random, outputs)].usage = Usage::staging;
  return true;
}

}  // namespace

const std::vector<Mutation>& mutations() {
  static const std::vector<Mutation> list{
      {"drop a slice", {Flaw::wrong_pairs}, drop_slice},
      {"drop an attend",
       {Flaw::read_before_write, Flaw::wrong_content, Flaw::wrong_pairs},
       drop_attend},
      {"double a slice", {Flaw::wrong_pairs}, double_slice},
      {"widen a slice", {Flaw::wrong_pairs}, widen_slice},
      {"fewer heads",
       {Flaw::read_before_write, Flaw::wrong_content, Flaw::wrong_pairs},
       fewer_heads},
      {"swap a peer", {Flaw::unmatched_transfer}, swap_peer},
      {"fewer rows at one end", {Flaw::unmatched_transfer}, fewer_rows},
      {"fewer heads at one end", {Flaw::unmatched_transfer}, fewer_heads_sent},
      // Inputs and results have the dtype of the problem, collectives one dtype.
      {"another dtype at one end", {Flaw::malformed, Flaw::unmatched_transfer}, other_dtype},
      {"shrink a sent buffer", {Flaw::outside_buffer}, shrink_sent_buffer},
      {"shrink a buffer of keys", {Flaw::outside_buffer}, shrink_key_buffer},
      {"drop a message", {Flaw::read_before_write}, drop_message},
      {"forget dependencies", {Flaw::race}, forget_dependencies},
      {"send too late", {Flaw::deadlock}, send_too_late},
      {"start a result over", {Flaw::incomplete}, start_over},
      {"drop a merge", {Flaw::incomplete, Flaw::read_before_write}, drop_merge},
      {"swap homes", {Flaw::misplaced_output}, swap_homes},
      {"withdraw an output", {Flaw::misplaced_output}, withdraw_output},
  };
  return list;
}

bool take_foreign_token(Schedule& schedule, Random& random) {
  std::vector<std::size_t> inputs;
  for (std::size_t i = 0; i < schedule.buffers.size(); ++i) {
    const Buffer& buffer = schedule.buffers[i];
    if (buffer.usage == Usage::input && buffer.role != Role::dout) inputs.push_back(i);
  }
  if (inputs.empty()) return false;
  Buffer& buffer = schedule.buffers[pick(random, inputs)];
  const auto own = schedule.intervals_of(buffer);
  const auto holds = [&](Token token) {
    return std::any_of(own.begin(), own.end(),
                       [&](const Interval& interval) { return interval.contains(token); });
  };
  const Token token = random.between(0, schedule.tokens - 1);
  if (holds(token)) return false;
  Intervals rows(own.begin(), own.end());
  rows.push_back({token, token + 1, 1});
  buffer.intervals = append(schedule.intervals, rows);
  return true;
}

}  // namespace hsap::test
