#include "validate/gpu/communicators.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "schedule/kinds.hpp"
#include "validate/device/subset.hpp"

namespace hsap::executor {
namespace {

/// Calls use(rank) for every other rank that takes part in the operation.
template <typename Use>
void for_each_peer(const Schedule& schedule, const Operation& op, Use use) {
  if (op.kind == Kind::exchange) {
    for (const Transfer& transfer : schedule.transfers_of(op)) {
      if (transfer.peer != op.rank) use(transfer.peer);
    }
  } else if (is_collective(op.kind)) {
    const Group& group = schedule.group_of(op);
    for (Rank i = 0; i < group.count; ++i) {
      const Rank peer = group.first + i * group.stride;
      if (peer != op.rank) use(peer);
    }
  }
}

/// Brings communicators about, one after the other in all processes.
class Connector {
 public:
  using Made = std::unique_ptr<device::Communicator>;

  Connector(world::World& world, const CommunicatorMaker& maker) : world_(world), maker_(maker) {}

  /// Names a communicator of these ranks to them.
  Status name(const std::vector<Rank>& ranks) {
    named_ = true;
    Result<std::string> id = std::string();
    if (world_.rank() == 0) id = maker_.make_id();
    HSAP_CHECK(world_.agree(id ? Status() : Status(id.error())));
    HSAP_TRY(const std::string shared, world_.broadcast(*id));
    if (!std::binary_search(ranks.begin(), ranks.end(), self())) return {};
    id_ = shared;
    ranks_ = ranks;
    return {};
  }

  /// All that have been named since the last time. Null when this rank is in none of them.
  Result<Made> connect() {
    if (!std::exchange(named_, false)) return Made();
    Result<Made> made = Made();
    if (!ranks_.empty()) {
      const auto place = std::lower_bound(ranks_.begin(), ranks_.end(), self());
      made = maker_.connect(id_, static_cast<Rank>(place - ranks_.begin()),
                            static_cast<int>(ranks_.size()));
    }
    HSAP_CHECK(world_.agree(made ? Status() : Status(made.error())));
    const std::vector<Rank> ranks = std::exchange(ranks_, {});
    if (!*made) return Made();
    return Made(std::make_unique<device::Subset>(*std::move(made), ranks));
  }

 private:
  [[nodiscard]] Rank self() const { return static_cast<Rank>(world_.rank()); }

  world::World& world_;
  const CommunicatorMaker& maker_;
  bool named_ = false;
  std::string id_;
  std::vector<Rank> ranks_;  ///< of the communicator that this rank is in
};

}  // namespace

void Communicators::abort() const {
  std::vector<std::thread> threads;
  for_each([&](device::Communicator& each) { threads.emplace_back([&each] { each.abort(); }); });
  for (std::thread& thread : threads) thread.join();
}

std::vector<std::vector<Rank>> communicator_ranks(const Schedule& schedule, Stream stream,
                                                  std::span<const int> nodes, AtOnce at_once) {
  const Meetings meetings = find_meetings(schedule);
  bool used = false;
  bool leaves = false;
  for (Index at = 0; at < schedule.operations.size(); ++at) {
    const Operation& op = schedule.operations[at];
    if (op.stream != stream || is_at_once(schedule, meetings, at, at_once)) continue;
    for_each_peer(schedule, op, [&](Rank peer) {
      used = true;
      leaves = leaves ||
               nodes[static_cast<std::size_t>(peer)] != nodes[static_cast<std::size_t>(op.rank)];
    });
  }
  if (!used) return {};
  std::map<int, std::vector<Rank>> by_node;
  for (Rank rank = 0; rank < schedule.ranks(); ++rank) {
    by_node[leaves ? 0 : nodes[static_cast<std::size_t>(rank)]].push_back(rank);
  }
  std::vector<std::vector<Rank>> all;
  all.reserve(by_node.size());
  for (auto& [node, ranks] : by_node) all.push_back(std::move(ranks));
  return all;
}

std::set<GroupOnStream> groups_at_once(const Schedule& schedule, AtOnce at_once) {
  const Meetings meetings = find_meetings(schedule);
  std::set<GroupOnStream> groups;
  for (Index at = 0; at < schedule.operations.size(); ++at) {
    if (!is_at_once(schedule, meetings, at, at_once)) continue;
    const Operation& op = schedule.operations[at];
    groups.insert({op.stream, schedule.group_of(op)});
  }
  return groups;
}

int communicating_streams(const Schedule& schedule) {
  std::set<Stream> used;
  for (const Operation& op : schedule.operations) {
    for_each_peer(schedule, op, [&](Rank) { used.insert(op.stream); });
  }
  return static_cast<int>(used.size());
}

int blocks_of_communicator(int multiprocessors, int streams) {
  const int share = std::max(1, multiprocessors / std::max(1, streams));
  return static_cast<int>(std::bit_floor(static_cast<unsigned>(share)));
}

Result<Communicators> connect(const Schedule& schedule, world::World& world,
                              std::span<const int> nodes, AtOnce at_once,
                              const CommunicatorMaker& maker) {
  Connector connector(world, maker);
  Communicators communicators;
  for (std::size_t stream = 0; stream < streams; ++stream) {
    for (const auto& ranks :
         communicator_ranks(schedule, static_cast<Stream>(stream), nodes, at_once)) {
      HSAP_CHECK(connector.name(ranks));
    }
    HSAP_TRY(communicators.by_stream[stream], connector.connect());
  }
  for (const GroupOnStream& at : groups_at_once(schedule, at_once)) {
    std::vector<Rank> ranks;
    ranks.reserve(static_cast<std::size_t>(at.group.count));
    for (Rank i = 0; i < at.group.count; ++i) ranks.push_back(at.group.first + i * at.group.stride);
    HSAP_CHECK(connector.name(ranks));
    HSAP_TRY(auto made, connector.connect());
    if (made) communicators.groups.emplace(at, std::move(made));
  }
  return communicators;
}

}  // namespace hsap::executor
