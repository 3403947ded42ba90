#include "validate/gpu/communicators.hpp"

#include <algorithm>
#include <map>

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
  } else if (op.kind == Kind::all_gather || op.kind == Kind::reduce_scatter) {
    const Group& group = schedule.group_of(op);
    for (Rank i = 0; i < group.count; ++i) {
      const Rank peer = group.first + i * group.stride;
      if (peer != op.rank) use(peer);
    }
  }
}

}  // namespace

std::vector<std::vector<Rank>> communicator_ranks(const Schedule& schedule, Stream stream,
                                                  std::span<const int> nodes) {
  bool used = false;
  bool leaves = false;
  for (const Operation& op : schedule.operations) {
    if (op.stream != stream) continue;
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
  for (auto& [node, ranks] : by_node) all.push_back(std::move(ranks));
  return all;
}

Result<Communicators> connect(const Schedule& schedule, world::World& world,
                              std::span<const int> nodes, const CommunicatorMaker& maker) {
  const auto self = static_cast<Rank>(world.rank());
  Communicators communicators;
  for (std::size_t stream = 0; stream < streams; ++stream) {
    std::string own_id;
    std::vector<Rank> own_ranks;
    for (auto& ranks : communicator_ranks(schedule, static_cast<Stream>(stream), nodes)) {
      Result<std::string> id = std::string();
      if (self == 0) id = maker.make_id();
      HSAP_CHECK(world.agree(id ? Status() : Status(id.error())));
      HSAP_TRY(const std::string shared, world.broadcast(*id));
      if (!std::binary_search(ranks.begin(), ranks.end(), self)) continue;
      own_id = shared;
      own_ranks = std::move(ranks);
    }
    if (own_ranks.empty()) continue;  // nobody has one for this stream
    const auto place = std::lower_bound(own_ranks.begin(), own_ranks.end(), self);
    auto made = maker.connect(own_id, static_cast<Rank>(place - own_ranks.begin()),
                              static_cast<int>(own_ranks.size()));
    HSAP_CHECK(world.agree(made ? Status() : Status(made.error())));
    communicators[stream] =
        std::make_unique<device::Subset>(*std::move(made), std::move(own_ranks));
  }
  return communicators;
}

}  // namespace hsap::executor
