#include "hsap/buffer_plan.hpp"

#include <algorithm>
#include <array>

#include "schedule/completion.hpp"

namespace hsap {
namespace {

bool covers(const StreamClock& known, const StreamClock& needed) {
  for (std::size_t s = 0; s < streams; ++s) {
    if (known[s] < needed[s]) return false;
  }
  return true;
}

/// The uses of one buffer.
struct Life {
  Index buffer = 0;
  StreamClock last{};               ///< uses
  std::vector<StreamClock> before;  ///< what is complete when the first use on each stream starts
  std::array<bool, streams> used{};

  /// True when all uses of this one are complete before any of the other.
  [[nodiscard]] bool ends_before(const Life& other) const {
    return std::all_of(other.before.begin(), other.before.end(),
                       [&](const StreamClock& known) { return covers(known, last); });
  }
};

std::int64_t align(std::int64_t bytes) {
  return (bytes + buffer_alignment - 1) / buffer_alignment * buffer_alignment;
}

/// Plans the memory of one rank.
class Planner {
 public:
  Planner(const Schedule& schedule, BufferPlan& plan)
      : schedule_(schedule),
        plan_(plan),
        completion_(schedule),
        life_of_(schedule.buffers.size(), none) {}

  void plan(Rank rank) {
    lives_.clear();
    find_lives(schedule_.programs[static_cast<std::size_t>(rank)]);
    std::int64_t bytes = 0;
    for (const Life& life : lives_) {
      if (is_staging(life)) continue;
      plan_.offset_bytes[life.buffer] = align(bytes);
      bytes = align(bytes) + size(life);
    }
    const std::int64_t fixed = align(bytes);
    std::vector<const Life*> placed;
    for (const Life& life : lives_) {
      if (!is_staging(life)) continue;
      place(life, fixed, placed);
      bytes = std::max(bytes, plan_.offset_bytes[life.buffer] + size(life));
    }
    plan_.bytes.push_back(bytes);
  }

 private:
  static constexpr Index none = 0xffffffff;

  [[nodiscard]] bool is_staging(const Life& life) const {
    return schedule_.buffers[life.buffer].usage == Usage::staging;
  }
  [[nodiscard]] std::int64_t size(const Life& life) const {
    return schedule_.bytes(schedule_.buffers[life.buffer]);
  }
  /// The first place after a buffer.
  [[nodiscard]] std::int64_t after(const Life& life) const {
    return align(plan_.offset_bytes[life.buffer] + size(life));
  }
  [[nodiscard]] bool may_share(const Life& a, const Life& b) const {
    return schedule_.buffers[a.buffer].dtype == schedule_.buffers[b.buffer].dtype;
  }

  void find_lives(const Range& program) {
    completion_.begin(program);
    for (Index at = program.first; at < program.first + program.count; ++at) {
      const Operation& op = schedule_.operations[at];
      const StreamClock& clock = completion_.before(at);
      for (const Index buffer : schedule_.operands_of(op)) use(buffer, at, clock);
      if (op.kind != Kind::exchange) continue;
      for (const Transfer& transfer : schedule_.transfers_of(op)) use(transfer.buffer, at, clock);
    }
    for (const Life& life : lives_) life_of_[life.buffer] = none;
  }

  void use(Index buffer, Index at, const StreamClock& clock) {
    if (life_of_[buffer] == none) {
      life_of_[buffer] = static_cast<Index>(lives_.size());
      lives_.emplace_back();
      lives_.back().buffer = buffer;
    }
    Life& life = lives_[life_of_[buffer]];
    const auto stream = static_cast<std::size_t>(schedule_.operations[at].stream);
    if (!life.used[stream]) life.before.push_back(clock);
    life.used[stream] = true;
    life.last[stream] = at + 1;
  }

  /// The lowest room from `floor` on that no buffer holds that may still be in use.
  void place(const Life& life, std::int64_t floor, std::vector<const Life*>& placed) {
    std::int64_t at = floor;
    for (const Life* other : placed) {  // by offset
      const std::int64_t begin = plan_.offset_bytes[other->buffer];
      if (begin >= at + size(life)) break;
      if (!may_share(*other, life) || !other->ends_before(life)) at = std::max(at, after(*other));
    }
    plan_.offset_bytes[life.buffer] = at;
    const auto later = std::upper_bound(placed.begin(), placed.end(), at,
                                        [&](std::int64_t offset, const Life* other) {
                                          return offset < plan_.offset_bytes[other->buffer];
                                        });
    placed.insert(later, &life);
  }

  const Schedule& schedule_;
  BufferPlan& plan_;
  Completion completion_;
  std::vector<Life> lives_;     ///< by first use
  std::vector<Index> life_of_;  ///< by buffer: into lives_
};

}  // namespace

BufferPlan plan_buffers(const Schedule& schedule) {
  BufferPlan plan;
  plan.offset_bytes.assign(schedule.buffers.size(), -1);
  Planner planner(schedule, plan);
  for (Rank rank = 0; rank < schedule.ranks(); ++rank) planner.plan(rank);
  return plan;
}

}  // namespace hsap
