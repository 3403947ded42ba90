#include "simulate/traffic/pairing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "simulate/traffic/symmetry.hpp"

namespace hsap {
namespace {

/// One transfer and the operation it belongs to.
struct Item {
  Index op = 0;
  Index transfer = 0;
};

/// All receives, grouped by the rank they expect data from; inside a group in operation order.
struct Receives {
  std::vector<Item> items;
  std::vector<Index> first;  ///< by peer, and one more
  Index end = 0;             ///< after the last transfer of all, sends too
};

template <typename Visit>
void for_each_transfer(const Schedule& schedule, const Range& operations, Visit visit) {
  for (Index op = operations.first; op < operations.first + operations.count; ++op) {
    const Operation& operation = schedule.operations[op];
    if (operation.kind != Kind::exchange) continue;
    for (Index i = 0; i < operation.payload.count; ++i) {
      const Index transfer = operation.payload.first + i;
      visit(Item{op, transfer}, schedule.transfers[transfer]);
    }
  }
}

Receives group_receives(const Schedule& schedule, Rank ranks) {
  const Range all{0, operations_of(schedule, ranks)};
  Receives receives;
  receives.first.assign(static_cast<std::size_t>(ranks) + 1, 0);
  for_each_transfer(schedule, all, [&](const Item& item, const Transfer& transfer) {
    receives.end = std::max(receives.end, item.transfer + 1);
    if (transfer.direction == Direction::receive) ++receives.first[transfer.peer % ranks + 1];
  });
  for (std::size_t i = 1; i < receives.first.size(); ++i)
    receives.first[i] += receives.first[i - 1];
  receives.items.resize(receives.first.back());
  std::vector<Index> next(receives.first.begin(), receives.first.end() - 1);
  for_each_transfer(schedule, all, [&](const Item& item, const Transfer& transfer) {
    if (transfer.direction == Direction::receive) {
      receives.items[next[transfer.peer % ranks]++] = item;
    }
  });
  return receives;
}

/// Pairs what one rank sends. Sends to one receiver on one stream wait in a chain; receives take
/// from its head.
class Pairing {
 public:
  Pairing(const Schedule& schedule, Rank ranks, Traffic& traffic, std::vector<Index>& message_of)
      : schedule_(schedule),
        ranks_(ranks),
        traffic_(traffic),
        message_of_(message_of),
        chains_(static_cast<std::size_t>(ranks) * streams) {}

  Status pair(Rank sender, std::span<const Item> receives) {
    links_.clear();
    touched_.clear();
    for_each_transfer(schedule_, schedule_.programs[sender],
                      [&](const Item& item, const Transfer& transfer) {
                        if (transfer.direction == Direction::send)
                          append(item, transfer.peer % ranks_);
                      });
    for (const Item& receive : receives) HSAP_CHECK(take(sender, receive));
    for (const Index chain : touched_) {
      if (chains_[chain].head != none)
        return unmatched(links_[chains_[chain].head].item, "receive");
      chains_[chain] = {};
    }
    return {};
  }

 private:
  static constexpr Index none = 0xffffffff;
  struct Link {
    Item item;
    Index next = none;
  };
  struct Chain {
    Index head = none;
    Index tail = none;
    Index message = none;  ///< last one made
    bool used = false;
  };

  Index chain_of(Stream stream, Rank receiver) {
    const Index chain = static_cast<Index>(receiver) * streams + static_cast<Index>(stream);
    if (!std::exchange(chains_[chain].used, true)) touched_.push_back(chain);
    return chain;
  }

  void append(const Item& item, Rank receiver) {
    Chain& chain = chains_[chain_of(schedule_.operations[item.op].stream, receiver)];
    const Index link = static_cast<Index>(links_.size());
    links_.push_back({item, none});
    (chain.head == none ? chain.head : links_[chain.tail].next) = link;
    chain.tail = link;
  }

  Status take(Rank sender, const Item& receive) {
    const Operation& op = schedule_.operations[receive.op];
    Chain& chain = chains_[chain_of(op.stream, op.rank)];
    if (chain.head == none) return unmatched(receive, "send");
    const Item send = links_[chain.head].item;
    chain.head = links_[chain.head].next;
    const Transfer& transfer = schedule_.transfers[send.transfer];
    Message& message =
        message_between(chain, {sender, transfer.peer, op.stream}, send.op, receive.op);
    message.bytes += static_cast<double>(schedule_.bytes(transfer));
    message_of_[send.transfer] = message_of_[receive.transfer] = chain.message;
    return {};
  }

  Message& message_between(Chain& chain, const Channel& channel, Index send, Index receive) {
    std::vector<Message>& messages = traffic_.messages;
    if (chain.message == none) traffic_.channels.push_back(channel);
    if (chain.message == none || messages[chain.message].sender != send ||
        messages[chain.message].receiver != receive) {
      chain.message = static_cast<Index>(messages.size());
      messages.push_back({send, receive, channel, no_collective, {}, 0});
    }
    return messages[chain.message];
  }

  [[nodiscard]] Error unmatched(const Item& item, const char* missing) const {
    const Operation& op = schedule_.operations[item.op];
    return internal_error(fmt::format(
        "operation {} of rank {}: its transfer with rank {} on "
        "stream {} has no matching {}",
        item.op, op.rank, schedule_.transfers[item.transfer].peer, to_string(op.stream), missing));
  }

  const Schedule& schedule_;
  Rank ranks_;
  Traffic& traffic_;
  std::vector<Index>& message_of_;
  std::vector<Chain> chains_;  ///< by receiver and stream
  std::vector<Link> links_;
  std::vector<Index> touched_;
};

}  // namespace

Result<std::vector<Index>> pair_transfers(const Schedule& schedule, Rank ranks, Traffic& traffic) {
  const Receives receives = group_receives(schedule, ranks);
  std::vector<Index> message_of(receives.end, no_message);
  Pairing pairing(schedule, ranks, traffic, message_of);
  for (Rank sender = 0; sender < ranks; ++sender) {
    const std::span<const Item> items(receives.items);
    const Index first = receives.first[sender];
    HSAP_CHECK(pairing.pair(sender, items.subspan(first, receives.first[sender + 1] - first)));
  }
  return message_of;
}

}  // namespace hsap
