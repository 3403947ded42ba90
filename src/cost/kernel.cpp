#include <algorithm>
#include <array>

#include "hsap/cost.hpp"
#include "schedule/kinds.hpp"

namespace hsap {
namespace {

const Buffer& operand(const Schedule& schedule, const Operation& op, std::size_t at) {
  return schedule.buffers[schedule.operands_of(op)[at]];
}

/// Bytes of `rows` tokens of operand `at` in the heads that the operation works on.
double row_bytes(const Schedule& schedule, const Operation& op, std::size_t at, std::int64_t rows) {
  const Buffer& buffer = operand(schedule, op, at);
  const bool attends = op.kind == Kind::attend || op.kind == Kind::attend_backward;
  const HeadRange heads =
      in_key_heads(buffer.role) && attends ? schedule.key_heads(op.heads) : op.heads;
  return static_cast<double>(schedule.bytes(buffer, rows, heads.size()));
}

std::int64_t rows_in(const Schedule& schedule, const Operation& op, std::size_t at) {
  return tokens_in(schedule.intervals_of(operand(schedule, op, at)));
}

/// Rows of queries and keys that the slices touch: a kernel does not read the others. Slices that
/// share rows reread them, but never more than the buffer holds (the cache keeps the rest).
struct Touched {
  std::int64_t queries = 0;
  std::int64_t keys = 0;
};

Touched touched_rows(const Schedule& schedule, const Operation& op) {
  Touched touched;
  for (const Slice& slice : schedule.slices_of(op)) {
    touched.queries += slice.query.size();
    touched.keys += slice.key.size();
  }
  touched.queries = std::min(touched.queries, rows_in(schedule, op, 0));
  touched.keys = std::min(touched.keys, rows_in(schedule, op, 1));
  return touched;
}

/// Bytes of a result: every row written, or the touched ones read and written.
double result_bytes(const Schedule& schedule, const Operation& op, std::size_t at, bool accumulate,
                    std::int64_t touched) {
  return accumulate ? 2 * row_bytes(schedule, op, at, touched)
                    : row_bytes(schedule, op, at, rows_in(schedule, op, at));
}

/// Operands q k v o lse.
double attend_bytes(const Schedule& schedule, const Operation& op) {
  const Touched touched = touched_rows(schedule, op);
  double bytes = row_bytes(schedule, op, 0, touched.queries);
  for (const std::size_t at : {1, 2}) bytes += row_bytes(schedule, op, at, touched.keys);
  for (const std::size_t at : {3, 4}) {
    bytes += result_bytes(schedule, op, at, op.accumulate_query, touched.queries);
  }
  return bytes;
}

/// Operands q k v do lse delta dq dk dv.
double attend_backward_bytes(const Schedule& schedule, const Operation& op) {
  const Touched touched = touched_rows(schedule, op);
  double bytes = 0;
  for (const std::size_t at : {0, 3, 4, 5}) bytes += row_bytes(schedule, op, at, touched.queries);
  for (const std::size_t at : {1, 2}) bytes += row_bytes(schedule, op, at, touched.keys);
  bytes += result_bytes(schedule, op, 6, op.accumulate_query, touched.queries);
  for (const std::size_t at : {7, 8}) {
    bytes += result_bytes(schedule, op, at, op.accumulate_key, touched.keys);
  }
  return bytes;
}

/// o do delta: rows of delta; every operand passes once.
double delta_bytes(const Schedule& schedule, const Operation& op) {
  const std::int64_t rows = rows_in(schedule, op, 2);
  double bytes = 0;
  for (std::size_t at = 0; at < 3; ++at) bytes += row_bytes(schedule, op, at, rows);
  return bytes;
}

/// o' lse' o lse on the rows of o': reads all four, writes the last two.
double merge_bytes(const Schedule& schedule, const Operation& op) {
  constexpr std::array<double, 4> passes{1, 1, 2, 2};
  const std::int64_t rows = rows_in(schedule, op, 0);
  double bytes = 0;
  for (std::size_t at = 0; at < passes.size(); ++at) {
    bytes += passes[at] * row_bytes(schedule, op, at, rows);
  }
  return bytes;
}

/// source destination on the rows of source: reads both, writes the second.
double reduce_bytes(const Schedule& schedule, const Operation& op) {
  const std::int64_t rows = rows_in(schedule, op, 0);
  return row_bytes(schedule, op, 0, rows) + 2 * row_bytes(schedule, op, 1, rows);
}

/// source destination on the payload's rows, or on what both hold: at most the smaller one.
double copy_bytes(const Schedule& schedule, const Operation& op) {
  const std::int64_t rows = op.payload.count > 0
                                ? tokens_in(schedule.intervals_of(op.payload))
                                : std::min(rows_in(schedule, op, 0), rows_in(schedule, op, 1));
  return row_bytes(schedule, op, 0, rows) + row_bytes(schedule, op, 1, rows);
}

KernelTime attend_time(const Schedule& schedule, const Operation& op, Pass pass,
                       const Device& device) {
  const AttentionKernel& kernel = pass == Pass::forward ? device.forward : device.backward;
  const double memory_s =
      kernel.launch_s + memory_bytes(schedule, op) / device.memory_bandwidth_bytes_per_s;
  KernelTime time =
      attention_time(schedule.slices_of(op), op.heads.size(), schedule.heads.dim, pass, device);
  time.seconds = std::max(memory_s, time.seconds);
  return time;
}

}  // namespace

double memory_bytes(const Schedule& schedule, const Operation& op) {
  switch (op.kind) {
    case Kind::attend:
      return attend_bytes(schedule, op);
    case Kind::attend_backward:
      return attend_backward_bytes(schedule, op);
    case Kind::delta:
      return delta_bytes(schedule, op);
    case Kind::merge:
      return merge_bytes(schedule, op);
    case Kind::reduce:
      return reduce_bytes(schedule, op);
    case Kind::copy:
      return copy_bytes(schedule, op);
    case Kind::compute:
      return schedule.work_of(op).bytes;
    case Kind::exchange:
    case Kind::all_gather:
    case Kind::reduce_scatter:
      return 0;
  }
  return 0;
}

double kernel_seconds(const Schedule& schedule, const Operation& op, const Device& device) {
  return kernel_time(schedule, op, device).seconds;
}

KernelTime kernel_time(const Schedule& schedule, const Operation& op, const Device& device) {
  const auto memory_s = [&] {
    return memory_bytes(schedule, op) / device.memory_bandwidth_bytes_per_s;
  };
  switch (op.kind) {
    case Kind::attend:
      return attend_time(schedule, op, Pass::forward, device);
    case Kind::attend_backward:
      return attend_time(schedule, op, Pass::backward, device);
    case Kind::compute:
      return {device.kernel_launch_s +
              std::max(memory_s(), schedule.work_of(op).flop / device.matmul_flop_per_s)};
    case Kind::delta:
    case Kind::merge:
    case Kind::reduce:
    case Kind::copy:
      return {device.kernel_launch_s + memory_s()};
    case Kind::exchange:
    case Kind::all_gather:
    case Kind::reduce_scatter:
      return {};
  }
  return {};
}

}  // namespace hsap
