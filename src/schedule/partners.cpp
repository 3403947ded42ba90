#include "schedule/partners.hpp"

#include <algorithm>
#include <tuple>

namespace hsap {
namespace {

/// One end of a message. Ends with equal routes match in order.
struct End {
  Rank from = 0;
  Rank to = 0;
  Stream stream = Stream::compute;
  Index transfer = 0;

  [[nodiscard]] auto route() const { return std::tuple(from, to, stream); }
};

/// Stable: within a route the ends keep the order in which their rank issues them.
void sort_by_route(std::vector<End>& ends) {
  std::stable_sort(ends.begin(), ends.end(),
                   [](const End& a, const End& b) { return a.route() < b.route(); });
}

}  // namespace

Partners find_partners(const Schedule& schedule) {
  Partners out;
  out.owner.assign(schedule.transfers.size(), Partners::none);
  out.partner.assign(schedule.transfers.size(), Partners::none);
  std::vector<End> sends;
  std::vector<End> receives;
  for (Index at = 0; at < schedule.operations.size(); ++at) {
    const Operation& op = schedule.operations[at];
    if (op.kind != Kind::exchange) continue;
    for (Index t = op.payload.first; t < op.payload.first + op.payload.count; ++t) {
      out.owner[t] = at;
      const Transfer& transfer = schedule.transfers[t];
      if (transfer.direction == Direction::send) {
        sends.push_back({op.rank, transfer.peer, op.stream, t});
      } else {
        receives.push_back({transfer.peer, op.rank, op.stream, t});
      }
    }
  }
  sort_by_route(sends);
  sort_by_route(receives);
  auto receive = receives.begin();
  for (const End& send : sends) {
    while (receive != receives.end() && receive->route() < send.route()) ++receive;
    if (receive == receives.end()) break;
    if (receive->route() != send.route()) continue;
    out.partner[send.transfer] = receive->transfer;
    out.partner[receive->transfer] = send.transfer;
    ++receive;
  }
  return out;
}

}  // namespace hsap
