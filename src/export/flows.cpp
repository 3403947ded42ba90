#include "export/flows.hpp"

#include <algorithm>
#include <tuple>

namespace hsap {
namespace {

/// One end of a message; ends sort into the queue they belong to and keep their order there.
struct End {
  Rank from = 0;
  Rank to = 0;
  Stream stream = Stream::compute;
  Index operation = 0;

  [[nodiscard]] auto queue() const { return std::tie(from, to, stream); }
};

struct Ends {
  std::vector<End> sends;
  std::vector<End> receives;
};

Ends collect(const Schedule& schedule, Rank ranks) {
  Ends ends;
  for (Index i = 0; i < schedule.operations.size(); ++i) {
    const Operation& op = schedule.operations[i];
    if (op.kind != Kind::exchange || op.rank >= ranks) continue;
    for (const Transfer& transfer : schedule.transfers_of(op)) {
      if (transfer.peer == op.rank || transfer.peer >= ranks) continue;
      if (transfer.direction == Direction::send) {
        ends.sends.push_back({op.rank, transfer.peer, op.stream, i});
      } else {
        ends.receives.push_back({transfer.peer, op.rank, op.stream, i});
      }
    }
  }
  const auto by_queue = [](const End& a, const End& b) { return a.queue() < b.queue(); };
  std::stable_sort(ends.sends.begin(), ends.sends.end(), by_queue);
  std::stable_sort(ends.receives.begin(), ends.receives.end(), by_queue);
  return ends;
}

}  // namespace

std::vector<Flow> flows(const Schedule& schedule, Rank ranks) {
  const Ends ends = collect(schedule, ranks);
  std::vector<Flow> out;
  std::size_t r = 0;
  for (const End& send : ends.sends) {
    while (r < ends.receives.size() && ends.receives[r].queue() < send.queue()) ++r;
    if (r == ends.receives.size() || ends.receives[r].queue() != send.queue()) continue;
    const Flow flow{send.operation, ends.receives[r++].operation};
    if (out.empty() || out.back() != flow) out.push_back(flow);
  }
  return out;
}

}  // namespace hsap
