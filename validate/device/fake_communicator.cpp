#include "validate/device/fake_communicator.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>

namespace hsap::device {

void FakeFabric::post(Rank from, Rank to, std::shared_ptr<Parcel> parcel) {
  const std::scoped_lock lock(mutex_);
  waiting_[{from, to}].push_back(std::move(parcel));
}

std::shared_ptr<FakeFabric::Parcel> FakeFabric::take(Rank from, Rank to) {
  const std::scoped_lock lock(mutex_);
  auto& queue = waiting_[{from, to}];
  if (queue.empty()) return nullptr;
  auto parcel = std::move(queue.front());
  queue.pop_front();
  return parcel;
}

namespace {

/// One group under way.
struct Group {
  struct Item {
    Message message;
    std::shared_ptr<FakeFabric::Parcel> parcel;  ///< of a send that has been posted
    bool done = false;
  };
  std::vector<Item> items;

  void advance(Item& item, FakeFabric& fabric, Rank rank) const {
    const Message& message = item.message;
    const auto bytes = static_cast<std::size_t>(message.bytes);
    if (message.is_send) {
      if (!item.parcel) {
        item.parcel = std::make_shared<FakeFabric::Parcel>();
        item.parcel->bytes.assign(message.data, message.data + bytes);
        fabric.post(rank, message.peer, item.parcel);
      }
      item.done = item.parcel->taken;
      return;
    }
    // Messages of one peer come in order: an earlier one that is still missing goes first.
    for (const Item& earlier : items) {
      if (&earlier == &item) break;
      const bool same = !earlier.message.is_send && earlier.message.peer == message.peer;
      if (same && !earlier.done) return;
    }
    const auto parcel = fabric.take(message.peer, rank);
    if (!parcel) return;
    if (parcel->bytes.size() != bytes) return fabric.abort();
    std::memcpy(message.data, parcel->bytes.data(), bytes);
    parcel->taken = true;
    item.done = true;
  }
};

}  // namespace

Status FakeCommunicator::adopt(std::byte* data, std::int64_t bytes) {
  adopted_.emplace_back(data, static_cast<std::size_t>(bytes));
  return {};
}

Status FakeCommunicator::exchange(StreamId stream, std::span<const Message> messages) {
  for (const Message& message : messages) {
    const bool inside = std::any_of(adopted_.begin(), adopted_.end(), [&](const auto& memory) {
      const std::less_equal<> before;
      return before(memory.data(), message.data) &&
             before(message.data + message.bytes, memory.data() + memory.size());
    });
    if (!inside) return infeasible("a message outside of adopted memory");
  }
  const auto group = std::make_shared<Group>();
  for (const Message& message : messages) group->items.push_back({message, nullptr, false});
  device_.put(stream, [this, group] {
    bool done = true;
    for (Group::Item& item : group->items) {
      if (!item.done) group->advance(item, fabric_, rank_);
      done = done && item.done;
    }
    return done;
  });
  return {};
}

Status FakeCommunicator::poll() {
  if (fabric_.aborted()) return infeasible("the run was aborted");
  return {};
}

}  // namespace hsap::device
