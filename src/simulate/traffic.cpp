#include "simulate/traffic.hpp"

#include "simulate/collectives.hpp"
#include "simulate/pairing.hpp"

namespace hsap {

Result<Traffic> find_traffic(const Schedule& schedule, int gpus_per_node) {
  Traffic traffic;
  HSAP_TRY(const std::vector<Index> message_of, pair_transfers(schedule, traffic));
  HSAP_TRY(const std::vector<Index> collective_of,
           find_collectives(schedule, gpus_per_node, traffic));
  const Index operations = static_cast<Index>(schedule.operations.size());
  traffic.first.reserve(operations + std::size_t{1});
  // The last operation that listed a message: its other transfers are part of it.
  std::vector<Index> listed_by(traffic.messages.size(), operations);
  Index collective = 0;
  for (Index op = 0; op < operations; ++op) {
    traffic.first.push_back(static_cast<Index>(traffic.parts.size()));
    const Operation& operation = schedule.operations[op];
    if (!communicates(operation)) continue;
    if (operation.kind != Kind::exchange) {
      traffic.parts.push_back(collective_of[collective++]);
      continue;
    }
    for (Index i = 0; i < operation.payload.count; ++i) {
      const Index message = message_of[operation.payload.first + i];
      if (listed_by[message] == op) continue;
      listed_by[message] = op;
      traffic.parts.push_back(message);
    }
  }
  traffic.first.push_back(static_cast<Index>(traffic.parts.size()));
  return traffic;
}

}  // namespace hsap
