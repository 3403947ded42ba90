#pragma once

#include <span>
#include <vector>

#include "validate/device/communicator.hpp"
#include "validate/gpu/rank.hpp"
#include "validate/host/collective.hpp"

namespace hsap::executor {

/// One step of an exchange or collective: kernels that pack, a group of messages, kernels that put
/// what came where it belongs.
struct Phase {
  std::vector<device::Launch> before;
  std::vector<device::Message> messages;
  std::vector<device::Launch> after;
};

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
           const host::Meetings& meetings)
      : schedule_(schedule), rank_(rank), memory_(memory), device_(device), meetings_(meetings) {}

  /// The phases of an exchange, all_gather or reduce_scatter. With a staging that measures, only
  /// takes from it.
  [[nodiscard]] Result<std::vector<Phase>> phases(Index op, Staging& staging);

 private:
  [[nodiscard]] Result<std::vector<Phase>> exchange(const Operation& op, Staging& staging);
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
  const host::Meetings& meetings_;
};

}  // namespace hsap::executor
