#include "validate/device/fake_communicator.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>

#include "validate/host/element.hpp"

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
  bool captured = false;

  void advance(Item& item, FakeFabric& fabric, Rank rank) const {
    const Message& message = item.message;
    const auto bytes = static_cast<std::size_t>(message.bytes);
    if (message.is_send) {
      if (!item.parcel) {
        item.parcel = std::make_shared<FakeFabric::Parcel>();
        item.parcel->captured = captured;
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
    if (parcel->bytes.size() != bytes || parcel->captured != captured) return fabric.abort();
    std::memcpy(message.data, parcel->bytes.data(), bytes);
    parcel->taken = true;
    item.done = true;
  }

  /// Graphs run it again.
  void start_over() {
    for (Item& item : items) item = {item.message, nullptr, false};
  }
};

/// The sum of a rank's parts, in the order of a ring.
void add_parts(const Share& share, std::span<const std::byte> parts, Rank rank, int ranks) {
  const auto element = share.dtype == Dtype::bf16 ? host::Element::bf16 : host::Element::fp32;
  const auto numbers = static_cast<std::size_t>(share.numbers);
  std::vector<float> sum(numbers);
  std::vector<float> part(numbers);
  for (int step = 1; step <= ranks; ++step) {
    const std::int64_t at = (rank + step) % ranks * share.bytes();
    host::load(element, parts.data() + at, numbers, part.data());
    for (std::size_t i = 0; i < numbers; ++i) sum[i] = step == 1 ? part[i] : sum[i] + part[i];
    host::store(element, sum.data(), numbers, share.to);
    host::load(element, share.to, numbers, sum.data());
  }
}

}  // namespace

Status FakeCommunicator::adopt(std::byte* data, std::int64_t bytes) {
  HSAP_CHECK(device_.outside_of_capture("adopt"));
  adopted_.emplace_back(data, static_cast<std::size_t>(bytes));
  return {};
}

bool FakeCommunicator::is_adopted(const std::byte* data, std::int64_t bytes) const {
  return std::any_of(adopted_.begin(), adopted_.end(), [&](const auto& memory) {
    const std::less_equal<> before;
    return before(memory.data(), data) && before(data + bytes, memory.data() + memory.size());
  });
}

Status FakeCommunicator::exchange(StreamId stream, std::span<const Message> messages) {
  for (const Message& message : messages) {
    if (!is_adopted(message.data, message.bytes)) {
      return infeasible("a message outside of adopted memory");
    }
  }
  put(stream, messages);
  return {};
}

Status FakeCommunicator::all_gather(StreamId stream, std::span<const Share> shares) {
  std::vector<Message> messages;
  for (const Share& share : shares) {
    const std::int64_t bytes = share.bytes();
    if (!is_adopted(share.from, bytes) || !is_adopted(share.to, ranks_ * bytes)) {
      return infeasible("a collective outside of adopted memory");
    }
    device_.put(stream, [share, to = share.to + rank_ * bytes] {
      std::memcpy(to, share.from, static_cast<std::size_t>(share.bytes()));
      return true;
    });
    for (Rank peer = 0; peer < ranks_; ++peer) {
      if (peer == rank_) continue;
      messages.push_back({peer, const_cast<std::byte*>(share.from), bytes, true});
      messages.push_back({peer, share.to + peer * bytes, bytes, false});
    }
  }
  put(stream, messages);
  return {};
}

Status FakeCommunicator::reduce_scatter(StreamId stream, std::span<const Share> shares) {
  for (const Share& share : shares) {
    const std::int64_t bytes = share.bytes();
    if (!is_adopted(share.from, ranks_ * bytes) || !is_adopted(share.to, bytes)) {
      return infeasible("a collective outside of adopted memory");
    }
    const auto parts =
        std::make_shared<std::vector<std::byte>>(static_cast<std::size_t>(ranks_ * bytes));
    std::vector<Message> messages;
    for (Rank peer = 0; peer < ranks_; ++peer) {
      if (peer == rank_) continue;
      messages.push_back({peer, const_cast<std::byte*>(share.from) + peer * bytes, bytes, true});
      messages.push_back({peer, parts->data() + peer * bytes, bytes, false});
    }
    put(stream, messages);
    device_.put(stream, [this, share, parts] {
      const std::int64_t own = rank_ * share.bytes();
      std::memcpy(parts->data() + own, share.from + own, static_cast<std::size_t>(share.bytes()));
      add_parts(share, *parts, rank_, ranks_);
      return true;
    });
  }
  return {};
}

void FakeCommunicator::put(StreamId stream, std::span<const Message> messages) {
  const auto group = std::make_shared<Group>();
  group->captured = device_.captures(stream);
  for (const Message& message : messages) group->items.push_back({message, nullptr, false});
  device_.put(stream, [this, group] {
    bool done = true;
    for (Group::Item& item : group->items) {
      if (!item.done) group->advance(item, fabric_, rank_);
      done = done && item.done;
    }
    if (done) group->start_over();
    return done;
  });
}

Status FakeCommunicator::poll() {
  if (fabric_.aborted()) return infeasible("the run was aborted");
  return {};
}

}  // namespace hsap::device
