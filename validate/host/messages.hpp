#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "validate/host/kernels.hpp"
#include "validate/host/transport.hpp"

namespace hsap::host {

/// A transport that counts what leaves.
struct Mail {
  Transport& transport;
  std::vector<std::int64_t> bytes_sent;  ///< by receiver

  [[nodiscard]] bool offer(const Lane& to, Message& message) {
    const auto bytes = static_cast<std::int64_t>(message.size());
    if (!transport.offer(to, message)) return false;
    bytes_sent[static_cast<std::size_t>(to.peer)] += bytes;
    return true;
  }
};

/// Rows of a buffer in message order: token by token, head by head.
[[nodiscard]] Message pack(const View& view, std::span<const Token> tokens, HeadRange heads);
/// Puts a message in its place, or adds it there with sums of type T. False when its length is not
/// that of the rows.
template <typename T>
[[nodiscard]] bool unpack(const Message& message, const View& view, std::span<const Token> tokens,
                          HeadRange heads, bool add);

/// The sends and receives of one exchange while they are under way. Messages of a lane keep their
/// order; receives that add to one buffer do so in the order of the transfers, so the sum does not
/// depend on who comes first.
template <typename T>
class Exchange {
 public:
  Exchange(const Schedule& schedule, const Operation& op, Memory& memory);

  /// Sends and receives what is possible now. True when anything moved.
  bool advance(Mail& mail);
  [[nodiscard]] bool complete() const { return left_ == 0; }
  /// The transfers that are not done: "receive k of 4 tokens, heads 0:2 from rank 3".
  [[nodiscard]] std::string report() const;

 private:
  struct Item {
    const Transfer* transfer = nullptr;
    View view;
    std::vector<Token> tokens;
    std::optional<Message> message;  ///< packed and not sent, or arrived and not in place
    bool done = false;
  };
  [[nodiscard]] Lane lane(const Item& item) const { return {item.transfer->peer, stream_, false}; }
  bool send(Item& item, Mail& mail);
  bool receive(std::size_t at, Mail& mail);
  [[nodiscard]] bool its_turn_to_add(std::size_t at) const;

  const Schedule& schedule_;
  Stream stream_;
  std::vector<Item> items_;
  std::size_t left_ = 0;
};

}  // namespace hsap::host
