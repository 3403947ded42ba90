#include <fmt/format.h>

#include "schedule/verify/stages.hpp"

namespace hsap::verifier {
namespace {

bool belongs_to(Kind kind, Pass pass) {
  if (kind == Kind::attend || kind == Kind::merge) return pass == Pass::forward;
  if (kind == Kind::attend_backward || kind == Kind::delta) return pass == Pass::backward;
  return true;
}

bool contains(HeadRange outer, HeadRange inner) {
  return inner.begin < inner.end && outer.begin <= inner.begin && inner.end <= outer.end;
}

/// Checks the operations of one schedule; the members stand for what every check needs.
class Operands {
 public:
  explicit Operands(const Schedule& schedule)
      : schedule_(schedule), claimed_(schedule.transfers.size(), false) {}

  Found check(Index at) {
    const Operation& op = schedule_.operations[at];
    std::string flaw = flaw_of(op);
    if (flaw.empty()) return {};
    return flawed(Flaw::malformed, std::move(flaw), at);
  }

 private:
  std::string flaw_of(const Operation& op) {
    if (!belongs_to(op.kind, schedule_.pass)) {
      return fmt::format("{} in a {} schedule", to_string(op.kind), to_string(schedule_.pass));
    }
    if (std::string flaw = flaw_of_buffers(op); !flaw.empty()) return flaw;
    switch (op.kind) {
      case Kind::exchange:
        return flaw_of_exchange(op);
      case Kind::all_gather:
      case Kind::reduce_scatter:
        return flaw_of_collective(op);
      case Kind::reduce:
      case Kind::copy:
        return schedule_.operands_of(op).size() == 2 ? flaw_of_pairs(op)
                                                     : "expected a source and a destination";
      case Kind::compute:
        return schedule_.operands_of(op).empty() ? "" : "work outside attention has no operands";
      case Kind::attend:
      case Kind::attend_backward:
        if (std::string flaw = flaw_of_slices(op); !flaw.empty()) return flaw;
        return flaw_of_roles(op);
      default:
        return flaw_of_roles(op);
    }
  }

  /// Each head attends a slice once, so whoever names slices more often wants all that follows them
  /// to take long.
  std::string flaw_of_slices(const Operation& op) {
    slices_ += op.payload.count;
    const auto heads = static_cast<std::uint64_t>(schedule_.heads.query);
    return slices_ <= heads * schedule_.slices.size() ? "" : "attends slices that others had";
  }

  /// Operands exist, belong to the rank and differ from each other.
  std::string flaw_of_buffers(const Operation& op) const {
    const std::span<const Index> operands = schedule_.operands_of(op);
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if (operands[i] >= schedule_.buffers.size()) {
        return fmt::format("operand {} is no buffer", i);
      }
      if (schedule_.buffers[operands[i]].rank != op.rank) {
        return fmt::format("operand {} is a buffer of rank {}", i,
                           schedule_.buffers[operands[i]].rank);
      }
    }
    std::vector<Index> sorted(operands.begin(), operands.end());
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
      return "names one buffer twice";
    }
    return {};
  }

  std::string flaw_of_roles(const Operation& op) const {
    const std::span<const Role> roles = roles_of(op.kind);
    const std::span<const Index> operands = schedule_.operands_of(op);
    if (operands.size() != roles.size()) {
      return fmt::format("{} operands; expected {}", operands.size(), roles.size());
    }
    if (!contains({0, static_cast<std::uint16_t>(schedule_.heads.query)}, op.heads)) {
      return "heads out of range";
    }
    for (std::size_t i = 0; i < roles.size(); ++i) {
      const Buffer& buffer = schedule_.buffers[operands[i]];
      if (buffer.role != roles[i]) {
        return fmt::format("operand {} is {}; expected {}", i, to_string(buffer.role),
                           to_string(roles[i]));
      }
      const HeadRange heads = heads_in(schedule_, buffer.role, op.heads);
      if (!contains(buffer.heads, heads)) {
        return fmt::format("operand {} ({}) holds {}, not {}", i, to_string(buffer.role),
                           heads_text(buffer.heads), heads_text(heads));
      }
    }
    return {};
  }

  /// Operands are pairs of source and destination with equal roles that hold the heads.
  std::string flaw_of_pairs(const Operation& op) const {
    const std::span<const Index> operands = schedule_.operands_of(op);
    for (std::size_t i = 0; i + 1 < operands.size(); i += 2) {
      const Buffer& source = schedule_.buffers[operands[i]];
      const Buffer& destination = schedule_.buffers[operands[i + 1]];
      if (source.role != destination.role) {
        return fmt::format("from {} to {}", to_string(source.role), to_string(destination.role));
      }
      if (!contains(source.heads, op.heads) || !contains(destination.heads, op.heads)) {
        return fmt::format("{} outside a buffer", heads_text(op.heads));
      }
    }
    return {};
  }

  /// A collective moves bytes as they are, and adds numbers of one dtype.
  std::string flaw_of_dtypes(const Operation& op) const {
    const std::span<const Index> operands = schedule_.operands_of(op);
    const Dtype dtype = schedule_.buffers[operands.front()].dtype;
    for (const Index operand : operands) {
      const Dtype other = schedule_.buffers[operand].dtype;
      if (other != dtype) {
        return fmt::format("of both {} and {}", to_string(dtype), to_string(other));
      }
    }
    return {};
  }

  std::string flaw_of_exchange(const Operation& op) {
    if (!schedule_.operands_of(op).empty()) return "an exchange has transfers, not operands";
    for (Index i = 0; i < op.payload.count; ++i) {
      const Index at = op.payload.first + i;
      if (claimed_[at]) return fmt::format("transfer {} belongs to another exchange too", at);
      claimed_[at] = true;
      const std::string flaw = flaw_of_transfer(op, schedule_.transfers[at]);
      if (!flaw.empty()) return fmt::format("transfer {} {}", i, flaw);
    }
    return {};
  }

  std::string flaw_of_transfer(const Operation& op, const Transfer& transfer) const {
    if (transfer.peer < 0 || transfer.peer >= schedule_.ranks()) return "has no such peer";
    if (static_cast<unsigned>(transfer.direction) > 1) return "goes in no direction";
    if (transfer.buffer >= schedule_.buffers.size()) return "names no buffer";
    const Buffer& buffer = schedule_.buffers[transfer.buffer];
    if (buffer.rank != op.rank) return "names a buffer of another rank";
    const std::uint64_t end = std::uint64_t{transfer.intervals.first} + transfer.intervals.count;
    if (end > schedule_.intervals.size()) return "has rows out of range";
    if (!contains(buffer.heads, transfer.heads)) {
      return fmt::format("moves {} of a buffer with {}", heads_text(transfer.heads),
                         heads_text(buffer.heads));
    }
    if (transfer.add && transfer.direction == Direction::send) return "adds while sending";
    return {};
  }

  std::string flaw_of_collective(const Operation& op) const {
    const Group& group = schedule_.group_of(op);
    const std::int64_t last =
        group.first + (std::int64_t{group.count} - 1) * std::int64_t{group.stride};
    if (group.first < 0 || group.count < 1 || group.stride < 1 || last >= schedule_.ranks()) {
      return "a group of ranks that do not exist";
    }
    const std::int64_t offset = std::int64_t{op.rank} - group.first;
    if (offset < 0 || op.rank > last || offset % group.stride != 0) {
      return "a group without its own rank";
    }
    const std::size_t operands = schedule_.operands_of(op).size();
    if (operands == 0 || operands % 2 != 0) return "expected pairs of source and destination";
    if (std::string flaw = flaw_of_pairs(op); !flaw.empty()) return flaw;
    return flaw_of_dtypes(op);
  }

  const Schedule& schedule_;
  std::vector<bool> claimed_;  ///< by transfer: an exchange has it
  std::uint64_t slices_ = 0;   ///< of all attends so far
};

}  // namespace

Found check_operands(const Schedule& schedule) {
  Operands operands(schedule);
  for (Index at = 0; at < schedule.operations.size(); ++at) {
    if (Found found = operands.check(at)) return found;
  }
  return {};
}

}  // namespace hsap::verifier
