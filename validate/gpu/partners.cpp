#include "validate/gpu/partners.hpp"

#include <deque>
#include <map>
#include <tuple>

namespace hsap::executor {

std::vector<Partner> pair_transfers(const Schedule& schedule) {
  using Lane = std::tuple<Rank, Rank, Stream>;  // from, to
  std::map<Lane, std::deque<Partner>> sends;
  std::map<Lane, std::deque<Partner>> receives;
  std::vector<Partner> partners(schedule.transfers.size());
  for (Index at = 0; at < schedule.operations.size(); ++at) {
    const Operation& op = schedule.operations[at];
    if (op.kind != Kind::exchange) continue;
    for (Index i = 0; i < op.payload.count; ++i) {
      const Index transfer = op.payload.first + i;
      const Transfer& t = schedule.transfers[transfer];
      const bool is_send = t.direction == Direction::send;
      const Lane lane =
          is_send ? Lane{op.rank, t.peer, op.stream} : Lane{t.peer, op.rank, op.stream};
      auto& others = is_send ? receives[lane] : sends[lane];
      if (others.empty()) {
        (is_send ? sends : receives)[lane].push_back({at, transfer});
        continue;
      }
      partners[transfer] = others.front();
      partners[others.front().transfer] = {at, transfer};
      others.pop_front();
    }
  }
  return partners;
}

}  // namespace hsap::executor
