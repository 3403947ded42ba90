#pragma once

#include <catch2/catch.hpp>

#include "hsap/compile.hpp"
#include "schedule/kinds.hpp"

namespace hsap::support {

inline Schedule compiled(const Problem& problem, const Strategy& strategy, Pass pass) {
  Result<Schedule> schedule = compile(problem, strategy, pass);
  REQUIRE(schedule.ok());
  return std::move(schedule).value();
}

/// Bytes that an operation sends to other ranks. A collective of n ranks counts as the ring
/// algorithm does it: a rank sends n - 1 parts of equal size.
inline std::int64_t sent(const Schedule& schedule, const Operation& op) {
  std::int64_t bytes = 0;
  if (op.kind == Kind::exchange) {
    for (const Transfer& transfer : schedule.transfers_of(op)) {
      const bool leaves = transfer.direction == Direction::send && transfer.peer != op.rank;
      if (leaves) bytes += schedule.bytes(transfer);
    }
  }
  if (is_collective(op.kind)) {
    for (std::size_t i = 0; i < op.operands.count; i += 2) {
      const std::size_t part = op.kind == Kind::all_gather ? i : i + 1;
      const Buffer& buffer = schedule.buffers[schedule.operands_of(op)[part]];
      const std::int64_t rows = tokens_in(schedule.intervals_of(buffer));
      bytes += (schedule.group_of(op).count - 1) * schedule.bytes(buffer, rows, op.heads.size());
    }
  }
  return bytes;
}

inline std::int64_t sent(const Schedule& schedule, Rank rank, Stream stream) {
  std::int64_t bytes = 0;
  for (const Operation& op : schedule.program(rank)) {
    if (op.stream == stream) bytes += sent(schedule, op);
  }
  return bytes;
}

inline std::int64_t sent_by_all(const Schedule& schedule) {
  std::int64_t bytes = 0;
  for (const Operation& op : schedule.operations) bytes += sent(schedule, op);
  return bytes;
}

/// Bytes that leave groups of `inner` consecutive ranks.
inline std::int64_t sent_between_nodes(const Schedule& schedule, int inner) {
  std::int64_t bytes = 0;
  for (const Operation& op : schedule.operations) {
    if (op.kind != Kind::exchange) continue;
    for (const Transfer& transfer : schedule.transfers_of(op)) {
      const bool leaves =
          transfer.direction == Direction::send && transfer.peer / inner != op.rank / inner;
      if (leaves) bytes += schedule.bytes(transfer);
    }
  }
  return bytes;
}

}  // namespace hsap::support
