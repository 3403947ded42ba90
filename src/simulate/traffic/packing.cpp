#include "simulate/traffic/packing.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

namespace hsap {
namespace {

/// Walks the rows of a buffer.
struct Cursor {
  std::span<const Interval> rows;
  std::size_t interval = 0;
  Token row = 0;

  [[nodiscard]] bool at(Token token) const {
    return interval < rows.size() && rows[interval].at(row) == token;
  }
  void advance(Token count) {
    row += count;
    if (interval < rows.size() && row >= rows[interval].size()) {
      ++interval;
      row = 0;
    }
  }
  [[nodiscard]] Token left() const { return rows[interval].size() - row; }
};

/// The place of a token in the buffer, or past its end. Transfers mostly follow one another in
/// their buffer, so the search begins at interval `hint`, and that is where it ends.
Cursor find(std::span<const Interval> rows, Token token, std::size_t& hint) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (hint >= rows.size()) hint = 0;
    const Interval& interval = rows[hint];
    if (interval.contains(token)) {
      return {rows, hint, (token - interval.begin) / interval.stride};
    }
    ++hint;
  }
  return {rows, rows.size(), 0};
}

/// True when the rows of `part` follow one another in the buffer from the cursor on.
bool follows(Cursor& cursor, const Interval& part) {
  for (Token done = 0; done < part.size();) {
    if (!cursor.at(part.at(done))) return false;
    Token run = std::min(cursor.left(), part.size() - done);
    if (run > 1 && cursor.rows[cursor.interval].stride != part.stride) run = 1;
    done += run;
    cursor.advance(run);
  }
  return true;
}

bool contiguous(const Schedule& schedule, const Transfer& transfer, std::size_t& hint) {
  const Buffer& buffer = schedule.buffers[transfer.buffer];
  const std::span<const Interval> parts = schedule.intervals_of(transfer);
  if (tokens_in(parts) <= 1) return true;
  if (!(transfer.heads == buffer.heads)) return false;
  const std::span<const Interval> rows = schedule.intervals_of(buffer);
  if (parts.data() == rows.data() && parts.size() == rows.size()) return true;
  std::size_t first = 0;
  while (parts[first].empty()) ++first;
  Cursor cursor = find(rows, parts[first].begin, hint);
  for (const Interval& part : parts) {
    if (!follows(cursor, part)) return false;
  }
  return true;
}

}  // namespace

bool contiguous(const Schedule& schedule, const Transfer& transfer) {
  std::size_t hint = 0;
  return contiguous(schedule, transfer, hint);
}

std::int64_t packed_bytes(const Schedule& schedule, const Operation& op, Direction direction) {
  std::int64_t bytes = 0;
  std::size_t hint = 0;
  for (const Transfer& transfer : schedule.transfers_of(op)) {
    if (transfer.direction != direction || transfer.peer == op.rank) continue;
    if (!contiguous(schedule, transfer, hint)) bytes += schedule.bytes(transfer);
  }
  return bytes;
}

}  // namespace hsap
