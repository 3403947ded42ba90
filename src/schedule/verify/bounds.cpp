#include <fmt/format.h>

#include "schedule/verify/stages.hpp"

namespace hsap::verifier {
namespace {

/// Checks one operation after the other for rows outside buffers.
class Bounds {
 public:
  explicit Bounds(const Subject& subject) : subject_(subject), schedule_(subject.schedule) {}

  Found check(Index at) const {
    const Operation& op = schedule_.operations[at];
    switch (op.kind) {
      case Kind::attend:
      case Kind::attend_backward:
        return check_slices(at, op);
      case Kind::delta:
        return check_rows(at, op, 2, {0, 1});
      case Kind::merge:
        return check_rows(at, op, 0, {1, 2, 3});
      case Kind::reduce:
        return check_rows(at, op, 0, {1});
      case Kind::copy:
        return check_copy(at, op);
      case Kind::exchange:
        return check_transfers(at, op);
      case Kind::all_gather:
      case Kind::reduce_scatter:
      case Kind::compute:
        return {};
    }
    return {};
  }

 private:
  Finding outside(Index at, Index buffer, const Run& run) const {
    return flawed(Flaw::outside_buffer,
                  fmt::format("touches {}, not all of which {} (buffer {}) holds",
                              subject_.tokens_text(run), subject_.name(buffer), buffer),
                  at);
  }

  Found check_interval(Index at, Index buffer, const Interval& interval) const {
    const Run run = subject_.positions.run(interval);
    if (subject_.holds(buffer, run)) return {};
    return outside(at, buffer, run);
  }

  Found check_slices(Index at, const Operation& op) const {
    for (const Slice& slice : schedule_.slices_of(op)) {
      for (const Index buffer : schedule_.operands_of(op)) {
        const bool by_query = !in_key_heads(schedule_.buffers[buffer].role);
        const Interval& rows = by_query ? slice.query : slice.key;
        if (Found found = check_interval(at, buffer, rows)) return found;
      }
    }
    return {};
  }

  /// The rows of operand `inner` are held by the others too.
  Found check_rows(Index at, const Operation& op, std::size_t inner,
                   std::initializer_list<std::size_t> others) const {
    const std::span<const Index> operands = schedule_.operands_of(op);
    for (const std::size_t other : others) {
      const auto run = subject_.outside(operands[inner], operands[other]);
      if (run) return outside(at, operands[other], *run);
    }
    return {};
  }

  Found check_copy(Index at, const Operation& op) const {
    if (op.payload.count == 0) return check_rows(at, op, 0, {1});
    for (const Interval& interval : schedule_.intervals_of(op.payload)) {
      for (const Index buffer : schedule_.operands_of(op)) {
        if (Found found = check_interval(at, buffer, interval)) return found;
      }
    }
    return {};
  }

  Found check_transfers(Index at, const Operation& op) const {
    for (const Transfer& transfer : schedule_.transfers_of(op)) {
      for (const Interval& interval : schedule_.intervals_of(transfer)) {
        if (Found found = check_interval(at, transfer.buffer, interval)) return found;
      }
    }
    return {};
  }

  const Subject& subject_;
  const Schedule& schedule_;
};

}  // namespace

Found check_bounds(const Subject& subject) {
  const Bounds bounds(subject);
  for (Index at = 0; at < subject.schedule.operations.size(); ++at) {
    if (Found found = bounds.check(at)) return found;
  }
  return {};
}

}  // namespace hsap::verifier
