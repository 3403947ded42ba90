#include "schedule/partners.hpp"

#include <catch2/catch.hpp>

using namespace hsap;

namespace {

/// A schedule of exchanges alone, an operation each.
struct Exchanges {
  Schedule schedule;

  void add(Rank rank, Stream stream, const std::vector<std::pair<Direction, Rank>>& ends) {
    Operation op;
    op.rank = rank;
    op.kind = Kind::exchange;
    op.stream = stream;
    op.payload.first = static_cast<Index>(schedule.transfers.size());
    for (const auto& [direction, peer] : ends) {
      Transfer transfer;
      transfer.direction = direction;
      transfer.peer = peer;
      schedule.transfers.push_back(transfer);
    }
    op.payload.count = static_cast<Index>(ends.size());
    schedule.operations.push_back(op);
  }
};

constexpr Direction send = Direction::send;
constexpr Direction receive = Direction::receive;
constexpr Index none = Partners::none;

}  // namespace

TEST_CASE("sends and receives of a route match in order, streams apart") {
  Exchanges all;
  all.add(0, Stream::keys, {{send, 1}, {send, 1}});   // 0, 1
  all.add(0, Stream::heads, {{send, 1}, {send, 0}});  // 2, 3
  all.add(0, Stream::heads, {{receive, 0}});          // 4
  all.add(1, Stream::heads, {{receive, 0}});          // 5
  all.add(1, Stream::keys, {{receive, 0}});           // 6
  all.add(1, Stream::keys, {{receive, 0}});           // 7
  const Partners found = find_partners(all.schedule);
  CHECK(found.partner == std::vector<Index>{6, 7, 5, 4, 3, 2, 0, 1});
  CHECK(found.owner == std::vector<Index>{0, 0, 1, 1, 2, 3, 4, 5});
}

TEST_CASE("an end without another stays alone, and the rest of its route still matches") {
  Exchanges all;
  all.add(0, Stream::keys, {{send, 2}, {send, 1}, {send, 1}});  // 0, 1, 2
  all.add(1, Stream::keys, {{receive, 0}, {receive, 2}});       // 3, 4
  all.schedule.transfers.emplace_back();                        // of no exchange
  const Partners found = find_partners(all.schedule);
  CHECK(found.partner == std::vector<Index>{none, 3, none, 1, none, none});
  CHECK(found.owner == std::vector<Index>{0, 0, 0, 1, 1, none});
}
