#pragma once

#include <span>
#include <vector>

#include "schedule/partners.hpp"
#include "validate/gpu/rank.hpp"
#include "validate/host/ring.hpp"

namespace hsap::executor {

/// Exchanges and collectives of ranks that share a device: each rank copies what it receives out of
/// the memory of the others.
class LocalMessages {
 public:
  /// `memory` by rank; must outlive this.
  LocalMessages(const Schedule& schedule, std::span<RankMemory> memory, device::Device& device);

  /// The copies of an exchange or collective, whose bytes are counted from now on. Errors
  /// (infeasible): two sides that do not agree on a message; those of the device.
  [[nodiscard]] Result<std::vector<device::Launch>> prepare(Index at);
  /// Operations of other ranks that this one meets: the other sides of its transfers, or the other
  /// members of its collective. None of a kernel.
  [[nodiscard]] std::vector<Index> partners_of(Index at) const;
  /// False where one of them is missing from the schedule, so that the operation waits for ever.
  [[nodiscard]] bool has_all_partners(Index at) const;
  /// What ranks send each other, [from * ranks + to], collectives as rings; messages of a rank to
  /// itself too.
  [[nodiscard]] const std::vector<std::int64_t>& bytes_sent() const { return bytes_sent_; }

 private:
  using Copies = std::vector<device::Launch>;
  [[nodiscard]] Status prepare_exchange(const Operation& op, Copies& copies);
  [[nodiscard]] Status prepare_collective(Index at, Copies& copies);
  [[nodiscard]] Status add_copy(Copies& copies, Rank from, Index source, Rank to, Index destination,
                                std::span<const Token> tokens, HeadRange heads, bool add);
  void count(Rank from, Rank to, std::int64_t bytes);
  void count_ring(const host::Ring& ring);
  [[nodiscard]] RankMemory& memory_of(Rank rank) { return memory_[static_cast<std::size_t>(rank)]; }

  const Schedule& schedule_;
  std::span<RankMemory> memory_;
  device::Device& device_;
  Meetings meetings_;
  Partners partners_;
  std::vector<std::int64_t> bytes_sent_;
};

}  // namespace hsap::executor
