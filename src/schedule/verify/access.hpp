#pragma once

#include "schedule/verify/matching.hpp"
#include "schedule/verify/subject.hpp"

namespace hsap::verifier {

enum class Mode : std::uint8_t { read, write, add };

/// Calls visit(buffer, heads, run, mode) for everything an operation touches. What is merged into
/// counts as written; `add` is an adding receive. An exchange's sends come before its receives.
template <typename Visit>
class Accesses {
 public:
  Accesses(const Subject& subject, const Matching& matching, Visit visit)
      : subject_(subject), schedule_(subject.schedule), matching_(matching), visit_(visit) {}

  void of(Index at) {
    const Operation& op = schedule_.operations[at];
    switch (op.kind) {
      case Kind::attend:
      case Kind::attend_backward:
        return attention(op, inputs_of(op.kind));
      case Kind::delta:
        return rows_of_operand(op, 2, {0, 1}, {2});
      case Kind::merge:
        return rows_of_operand(op, 0, {0, 1}, {2, 3});
      case Kind::reduce:
        return rows_of_operand(op, 0, {0}, {1});
      case Kind::copy:
        return copy(op);
      case Kind::exchange:
        transfers(op, Direction::send);
        return transfers(op, Direction::receive);
      case Kind::all_gather:
      case Kind::reduce_scatter:
        return collective(at, op);
      case Kind::compute:
        return;
    }
  }

 private:
  [[nodiscard]] Index operand(const Operation& op, std::size_t i) const {
    return schedule_.operands_of(op)[i];
  }
  [[nodiscard]] HeadRange heads(const Operation& op, Index buffer) const {
    return takes_pairs(op.kind) ? op.heads
                                : heads_in(schedule_, schedule_.buffers[buffer].role, op.heads);
  }
  void rows(const Operation& op, Index buffer, std::span<const Run> runs, Mode mode) {
    for (const Run& run : runs) visit_(buffer, heads(op, buffer), run, mode);
  }

  /// Reads the rows that the slices name of the first `inputs` operands, writes all of the others.
  void attention(const Operation& op, std::size_t inputs) {
    for (const Slice& slice : schedule_.slices_of(op)) {
      for (std::size_t i = 0; i < inputs; ++i) {
        const Index buffer = operand(op, i);
        const bool by_query = !in_key_heads(schedule_.buffers[buffer].role);
        const Run run = subject_.positions.run(by_query ? slice.query : slice.key);
        visit_(buffer, heads(op, buffer), run, Mode::read);
      }
    }
    for (std::size_t i = inputs; i < op.operands.count; ++i) {
      rows(op, operand(op, i), subject_.rows(operand(op, i)), Mode::write);
    }
  }

  void rows_of_operand(const Operation& op, std::size_t named,
                       std::initializer_list<std::size_t> reads,
                       std::initializer_list<std::size_t> writes) {
    const std::span<const Run> runs = subject_.rows(operand(op, named));
    for (const std::size_t i : reads) rows(op, operand(op, i), runs, Mode::read);
    for (const std::size_t i : writes) rows(op, operand(op, i), runs, Mode::write);
  }

  void copy(const Operation& op) {
    if (op.payload.count == 0) return rows_of_operand(op, 0, {0}, {1});
    for (const Interval& interval : schedule_.intervals_of(op.payload)) {
      const Run run = subject_.positions.run(interval);
      visit_(operand(op, 0), op.heads, run, Mode::read);
      visit_(operand(op, 1), op.heads, run, Mode::write);
    }
  }

  void transfers(const Operation& op, Direction direction) {
    for (const Transfer& transfer : schedule_.transfers_of(op)) {
      if (transfer.direction != direction) continue;
      const Mode written = transfer.add ? Mode::add : Mode::write;
      const Mode mode = direction == Direction::send ? Mode::read : written;
      for (const Interval& interval : schedule_.intervals_of(transfer)) {
        visit_(transfer.buffer, transfer.heads, subject_.positions.run(interval), mode);
      }
    }
  }

  void collective(Index at, const Operation& op) {
    for (std::size_t pair = 0; pair < op.operands.count; pair += 2) {
      const Index source = operand(op, pair), destination = operand(op, pair + 1);
      rows(op, source, subject_.rows(source), Mode::read);
      if (op.kind == Kind::reduce_scatter) {
        rows(op, destination, subject_.rows(destination), Mode::write);
        continue;
      }
      for (const Index member : matching_.collectives.of(at)) {
        const Operation& from = schedule_.operations[member];
        rows(op, destination, subject_.rows(operand(from, pair)), Mode::write);
      }
    }
  }

  const Subject& subject_;
  const Schedule& schedule_;
  const Matching& matching_;
  Visit visit_;
};

}  // namespace hsap::verifier
