#pragma once

#include <compare>
#include <span>
#include <tuple>
#include <vector>

#include "validate/device/communicator.hpp"
#include "validate/gpu/rank.hpp"
#include "validate/host/ring.hpp"

namespace hsap::executor {

/// One step of an exchange or collective: kernels that pack, a group of messages or a collective,
/// kernels that put what came where it belongs.
struct Phase {
  std::vector<device::Launch> before;
  std::vector<device::Message> messages;
  std::vector<device::Share> gathers;
  std::vector<device::Share> reductions;
  std::vector<device::Launch> after;
};

/// Which collectives a communicator of their group does at once. The others are rings of messages,
/// and so are those of unequal parts.
enum class AtOnce : std::uint8_t {
  none,
  gathers,  ///< their results do not depend on who does them how
  all,      ///< sums are then in the communicator's order
};

/// The ranks of collectives on a stream.
struct GroupOnStream {
  Stream stream = Stream::keys;
  Group group;

  friend auto operator<=>(const GroupOnStream& a, const GroupOnStream& b) {
    const auto key = [](const GroupOnStream& at) {
      return std::tuple(at.stream, at.group.first, at.group.count, at.group.stride);
    };
    return key(a) <=> key(b);
  }
};

/// Rows of an array that lie in one piece, as a message.
[[nodiscard]] inline device::Message as_message(Rank peer, const device::Array& array,
                                                std::int64_t first, std::int64_t rows,
                                                bool is_send) {
  return {peer, array.data + first * array.row_bytes(), rows * array.row_bytes(), is_send};
}

/// Whether a collective is done at once, and not by messages.
[[nodiscard]] bool is_at_once(const Schedule& schedule, const Meetings& meetings, Index op,
                              AtOnce which);

/// Memory for messages whose rows do not lie in one piece. Operations of one stream use it one
/// after the other. Without memory it only measures.
class Staging {
 public:
  explicit Staging(std::byte* data = nullptr) : data_(data) {}

  /// Rows of these heads, one after the other.
  [[nodiscard]] device::Array take(const device::Array& like, std::int64_t rows);
  [[nodiscard]] bool measures() const { return data_ == nullptr; }
  /// The next operation begins.
  void restart() { used_ = 0; }
  [[nodiscard]] std::int64_t most() const { return most_; }

 private:
  std::byte* data_;
  std::int64_t used_ = 0;
  std::int64_t most_ = 0;
};

/// What communication of one rank consists of.
class Messages {
 public:
  Messages(const Schedule& schedule, Rank rank, RankMemory& memory, device::Device& device,
           const Meetings& meetings, AtOnce at_once)
      : schedule_(schedule),
        rank_(rank),
        memory_(memory),
        device_(device),
        meetings_(meetings),
        at_once_(at_once) {}

  /// The phases of an exchange, all_gather or reduce_scatter. With a staging that measures, only
  /// takes from it.
  [[nodiscard]] Result<std::vector<Phase>> phases(Index op, Staging& staging);

 private:
  [[nodiscard]] Result<std::vector<Phase>> exchange(const Operation& op, Staging& staging);
  /// The tokens that each member of a collective brings (of operand i) or gets, one after the
  /// other.
  [[nodiscard]] std::vector<Token> parts(Index at, std::size_t i) const;
  [[nodiscard]] Result<std::vector<Phase>> gather_at_once(Index at, Staging& staging);
  [[nodiscard]] Result<std::vector<Phase>> reduce_at_once(Index at, Staging& staging);
  [[nodiscard]] Result<std::vector<Phase>> all_gather(Index at, Staging& staging);
  [[nodiscard]] Result<std::vector<Phase>> reduce_scatter(Index at, Staging& staging);

  [[nodiscard]] Status send(Phase& phase, Rank to, Index buffer, std::span<const Token> tokens,
                            HeadRange heads, Staging& staging);
  [[nodiscard]] Status receive(Phase& phase, Rank from, Index buffer, std::span<const Token> tokens,
                               HeadRange heads, bool add, Staging& staging);
  [[nodiscard]] Status move(std::vector<device::Launch>& launches, const device::Array& from,
                            const device::Array& to, std::vector<device::RowPair> rows, bool add,
                            const Staging& staging);

  const Schedule& schedule_;
  Rank rank_;
  RankMemory& memory_;
  device::Device& device_;
  const Meetings& meetings_;
  AtOnce at_once_;
};

}  // namespace hsap::executor
