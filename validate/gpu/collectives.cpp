#include <algorithm>

#include "schedule/kinds.hpp"
#include "validate/gpu/messages.hpp"
#include "validate/gpu/rows.hpp"

namespace hsap::executor {

using device::Array;
using device::RowPair;

bool is_at_once(const Schedule& schedule, const Meetings& meetings, Index at, AtOnce which) {
  const Operation& first = schedule.operations[at];
  if (!is_collective(first.kind)) return false;
  const auto needed = first.kind == Kind::all_gather ? AtOnce::gathers : AtOnce::all;
  if (which < needed) return false;
  const auto members = meetings.of(at);
  const auto rows = [&](const Operation& op, std::size_t i) {
    return tokens_in(schedule.intervals_of(schedule.buffers[schedule.operands_of(op)[i]]));
  };
  return std::all_of(members.begin(), members.end(), [&](Index member) {
    const Operation& op = schedule.operations[member];
    bool equal = op.operands.count == first.operands.count;
    for (std::size_t i = op.kind == Kind::all_gather ? 0 : 1; equal && i < op.operands.count;
         i += 2) {
      equal = rows(op, i) == rows(first, i);
    }
    return equal;
  });
}

std::vector<Token> Messages::parts(Index at, std::size_t i) const {
  std::vector<Token> all;
  for (const Index member : meetings_.of(at)) {
    const Index buffer = schedule_.operands_of(schedule_.operations[member])[i];
    const auto own = host::tokens_of(schedule_.intervals_of(schedule_.buffers[buffer]));
    all.insert(all.end(), own.begin(), own.end());
  }
  return all;
}

namespace {

/// The parts of all members where they lie, when that is one piece in order; else room for them.
Array parts_in(const Array& all, const std::vector<RowPair>& rows, Staging& staging, bool& moved) {
  moved = !in_one_piece(all, rows);
  if (moved) return staging.take(all, rows.back().to + rows.back().count);
  Array parts = all;
  parts.data += rows.front().from * all.row_bytes();
  return parts;
}

}  // namespace

Result<std::vector<Phase>> Messages::gather_at_once(Index at, Staging& staging) {
  const Operation& op = schedule_.operations[at];
  const auto on = schedule_.operands_of(op);
  std::vector<Phase> phases(1);
  for (std::size_t i = 0; i < on.size(); i += 2) {
    const Array own = memory_.array(on[i], op.heads);
    const Array all = memory_.array(on[i + 1], op.heads);
    Array from = own;
    if (!in_one_piece(own, all_rows(own.rows))) {
      from = staging.take(own, own.rows);
      HSAP_CHECK(move(phases[0].before, own, from, all_rows(own.rows), false, staging));
    }
    const auto rows = message_rows(memory_.rows(on[i + 1]), parts(at, i));
    bool moved = false;
    const Array to = parts_in(all, rows, staging, moved);
    if (moved) HSAP_CHECK(move(phases[0].after, to, all, turned(rows), false, staging));
    phases[0].gathers.push_back(
        {from.data, to.data, from.rows * from.heads * from.width, from.dtype});
  }
  return phases;
}

Result<std::vector<Phase>> Messages::reduce_at_once(Index at, Staging& staging) {
  const Operation& op = schedule_.operations[at];
  const auto on = schedule_.operands_of(op);
  std::vector<Phase> phases(1);
  for (std::size_t i = 0; i < on.size(); i += 2) {
    const Array all = memory_.array(on[i], op.heads);
    const Array own = memory_.array(on[i + 1], op.heads);
    const auto rows = message_rows(memory_.rows(on[i]), parts(at, i + 1));
    bool moved = false;
    const Array from = parts_in(all, rows, staging, moved);
    if (moved) HSAP_CHECK(move(phases[0].before, all, from, rows, false, staging));
    const Array sum = staging.take(all, own.rows);  // of the dtype that is summed
    phases[0].reductions.push_back(
        {from.data, sum.data, sum.rows * sum.heads * sum.width, sum.dtype});
    HSAP_CHECK(move(phases[0].after, sum, own, all_rows(own.rows), false, staging));
  }
  return phases;
}

Result<std::vector<Phase>> Messages::all_gather(Index at, Staging& staging) {
  const Operation& op = schedule_.operations[at];
  const host::Ring ring(schedule_, meetings_, at);
  const auto on = schedule_.operands_of(op);
  const auto rows_of = [&](std::size_t member, std::size_t pair) {
    return host::tokens_of(schedule_.intervals_of(schedule_.buffers[ring.part(member, pair)]));
  };
  std::vector<Phase> phases(ring.members());
  for (std::size_t pair = 0; pair < on.size() / 2; ++pair) {
    const Index source = on[2 * pair];
    const Index destination = on[2 * pair + 1];
    HSAP_CHECK(move(
        phases[0].before, memory_.array(source, op.heads), memory_.array(destination, op.heads),
        pair_rows(memory_.rows(source), memory_.rows(destination), rows_of(ring.self(), pair)),
        false, staging));
  }
  for (std::size_t step = 0; step < ring.steps(); ++step) {
    for (std::size_t pair = 0; pair < on.size() / 2; ++pair) {
      const Index destination = on[2 * pair + 1];
      HSAP_CHECK(send(phases[step + 1], ring.next(), destination, rows_of(ring.sent_in(step), pair),
                      op.heads, staging));
      HSAP_CHECK(receive(phases[step + 1], ring.before(), destination,
                         rows_of(ring.received_in(step), pair), op.heads, false, staging));
    }
  }
  return phases;
}

Result<std::vector<Phase>> Messages::reduce_scatter(Index at, Staging& staging) {
  const Operation& op = schedule_.operations[at];
  const host::Ring ring(schedule_, meetings_, at);
  const auto on = schedule_.operands_of(op);
  std::vector<Phase> phases(ring.members());
  for (std::size_t pair = 0; pair < on.size() / 2; ++pair) {
    const Index source = on[2 * pair];
    const Array own = memory_.array(source, op.heads);
    const auto rows_of = [&](std::size_t member) {
      const Buffer& part = schedule_.buffers[ring.part(member, pair)];
      return message_rows(memory_.rows(source), host::tokens_of(schedule_.intervals_of(part)));
    };
    const auto count = [](const std::vector<RowPair>& rows) {
      return rows.empty() ? 0 : rows.back().to + rows.back().count;
    };
    std::vector<RowPair> rows = rows_of(ring.sent_in(0));
    Array sum = staging.take(own, count(rows));
    HSAP_CHECK(move(phases[0].after, own, sum, rows, false, staging));
    for (std::size_t step = 0; step < ring.steps(); ++step) {
      Phase& phase = phases[step + 1];
      phase.messages.push_back(as_message(ring.next(), sum, 0, sum.rows, true));
      rows = rows_of(ring.received_in(step));
      sum = staging.take(own, count(rows));
      phase.messages.push_back(as_message(ring.before(), sum, 0, sum.rows, false));
      HSAP_CHECK(move(phase.after, own, sum, rows, true, staging));
    }
    const Array result = memory_.array(on[2 * pair + 1], op.heads);
    HSAP_CHECK(move(phases.back().after, sum, result, all_rows(sum.rows), false, staging));
  }
  return phases;
}

}  // namespace hsap::executor
