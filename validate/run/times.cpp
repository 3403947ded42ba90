#include "validate/run/times.hpp"

#include <cmath>
#include <map>

#include "hsap/cost.hpp"

namespace hsap::validation {
namespace {

/// Bytes that a communication operation puts where they belong, and in how many kernels.
struct Copies {
  double bytes = 0;
  int kernels = 0;
};

Copies copies_of(const Schedule& schedule, const Operation& op) {
  Copies copies;
  const auto bytes_of = [&](const Buffer& buffer, std::int64_t rows, HeadRange heads) {
    return static_cast<double>(rows * heads.size() * schedule.width(buffer.role)) *
           (buffer.dtype == Dtype::bf16 ? 2 : 4);
  };
  if (op.kind == Kind::exchange) {
    for (const Transfer& transfer : schedule.transfers_of(op)) {
      if (transfer.direction != Direction::receive) continue;
      copies.bytes += bytes_of(schedule.buffers[transfer.buffer],
                               tokens_in(schedule.intervals_of(transfer)), transfer.heads);
      ++copies.kernels;
    }
    return copies;
  }
  // all_gather writes its destination once, reduce_scatter once for every member.
  const auto on = schedule.operands_of(op);
  const int members = schedule.group_of(op).count;
  for (std::size_t pair = 0; pair < on.size() / 2; ++pair) {
    const Buffer& to = schedule.buffers[on[2 * pair + 1]];
    const double bytes = bytes_of(to, tokens_in(schedule.intervals_of(to)), op.heads);
    copies.bytes += op.kind == Kind::all_gather ? bytes : bytes * members;
    copies.kernels += members;
  }
  return copies;
}

}  // namespace

double predicted_seconds(const Schedule& schedule, const Operation& op, const Device& device) {
  const bool moves =
      op.kind == Kind::exchange || op.kind == Kind::all_gather || op.kind == Kind::reduce_scatter;
  if (!moves) return kernel_seconds(schedule, op, device);
  const Copies copies = copies_of(schedule, op);
  return 2 * copies.bytes / device.memory_bandwidth_bytes_per_s +
         copies.kernels * device.kernel_launch_s;
}

std::vector<KindTimes> compare_times(const Schedule& schedule,
                                     const std::vector<OperationTime>& times,
                                     const Device& device) {
  std::map<Kind, KindTimes> kinds;
  for (const OperationTime& time : times) {
    const Operation& op = schedule.operations[time.operation];
    const double predicted = predicted_seconds(schedule, op, device);
    KindTimes& kind = kinds[op.kind];
    kind.kind = op.kind;
    ++kind.operations;
    kind.predicted_s += predicted;
    kind.measured_s += time.seconds;
    if (time.seconds <= 0) continue;
    kind.error += std::abs(predicted / time.seconds - 1);
    kind.spread += time.spread_s / time.seconds;
  }
  std::vector<KindTimes> list;
  for (auto& [name, kind] : kinds) {
    kind.error /= kind.operations;
    kind.spread /= kind.operations;
    list.push_back(kind);
  }
  return list;
}

}  // namespace hsap::validation
