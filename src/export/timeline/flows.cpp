#include "export/timeline/flows.hpp"

#include <algorithm>

#include "schedule/partners.hpp"

namespace hsap {

std::vector<Flow> flows(const Schedule& schedule, Rank ranks) {
  const Partners partners = find_partners(schedule);
  std::vector<Flow> out;
  for (Index t = 0; t < schedule.transfers.size(); ++t) {
    const bool sent = schedule.transfers[t].direction == Direction::send;
    if (!sent || partners.partner[t] == Partners::none) continue;
    const Flow flow{partners.owner[t], partners.owner[partners.partner[t]]};
    const Rank from = schedule.operations[flow.send].rank;
    const Rank to = schedule.operations[flow.receive].rank;
    if (from != to && std::max(from, to) < ranks) out.push_back(flow);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace hsap
