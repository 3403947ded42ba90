#include "simulate/traffic/traffic.hpp"

#include <utility>

#include "schedule/kinds.hpp"
#include "simulate/traffic/collectives.hpp"
#include "simulate/traffic/pairing.hpp"
#include "simulate/traffic/symmetry.hpp"

namespace hsap {

Result<Traffic> find_traffic(const Schedule& schedule, Rank ranks, const NodeShape& node) {
  Traffic traffic;
  HSAP_TRY(const std::vector<Index> message_of, pair_transfers(schedule, ranks, traffic));
  HSAP_CHECK(find_collectives(schedule, node, traffic));
  const Index operations = operations_of(schedule, ranks);
  traffic.first.reserve(operations + std::size_t{1});
  // The last operation that listed a message: its other transfers are part of it.
  std::vector<Index> listed_by(traffic.messages.size(), operations);
  const auto list = [&](Index op, Direction direction) {
    const Range& payload = schedule.operations[op].payload;
    for (Index i = payload.first; i < payload.first + payload.count; ++i) {
      if (schedule.transfers[i].direction != direction) continue;
      if (std::exchange(listed_by[message_of[i]], op) == op) continue;
      traffic.messages[message_of[i]].place[static_cast<std::size_t>(direction)] =
          static_cast<Index>(traffic.parts.size()) - traffic.first.back();
      traffic.parts.push_back(message_of[i]);
    }
  };
  for (Index op = 0; op < operations; ++op) {
    traffic.first.push_back(static_cast<Index>(traffic.parts.size()));
    if (!communicates(schedule.operations[op].kind)) continue;
    if (schedule.operations[op].kind == Kind::exchange) {
      list(op, Direction::send);
      list(op, Direction::receive);
    } else {
      traffic.parts.push_back(traffic.meetings.meeting_of[op]);
    }
  }
  traffic.first.push_back(static_cast<Index>(traffic.parts.size()));
  return traffic;
}

}  // namespace hsap
