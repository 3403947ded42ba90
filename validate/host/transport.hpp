#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "hsap/schedule.hpp"

namespace hsap::host {

using Message = std::vector<std::byte>;

/// One direction between two ranks on one stream. Point-to-point messages and those of collectives
/// do not mix, as with one communicator for each.
struct Lane {
  Rank peer = 0;
  Stream stream = Stream::compute;
  bool collective = false;

  friend auto operator<=>(const Lane&, const Lane&) = default;
};

/// How one rank sends and receives. Messages of a lane arrive in the order in which they were sent;
/// nothing else orders them. No call waits but wait().
class Transport {
 public:
  virtual ~Transport() = default;

  /// Hands a message over, or leaves it where it is because the lane is full.
  [[nodiscard]] virtual bool offer(const Lane& to, Message& message) = 0;
  /// The next message of a lane, if one has arrived.
  [[nodiscard]] virtual std::optional<Message> take(const Lane& from) = 0;

  enum class Wake {
    look,     ///< something may have changed
    stuck,    ///< this rank has waited too long, or all ranks wait for each other
    stopped,  ///< another rank has failed
  };
  /// Waits until there may be something to do.
  [[nodiscard]] virtual Wake wait() = 0;
};

}  // namespace hsap::host
