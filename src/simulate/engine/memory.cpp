#include "simulate/engine/memory.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

#include "simulate/traffic/traffic.hpp"

namespace hsap {
namespace {

constexpr double never = std::numeric_limits<double>::infinity();

struct Lifetime {
  double begin_s = never;
  double end_s = -1;

  [[nodiscard]] bool touched() const { return end_s >= 0; }
  void touch(double from, double to) {
    begin_s = std::min(begin_s, from);
    end_s = std::max(end_s, to);
  }
};

/// Of the buffers [first, end), as far as the operations of `program` touch them.
void find_lifetimes(const Schedule& schedule, const Range& program, std::span<const Period> periods,
                    Index first, std::vector<Lifetime>& lives) {
  for (Index i = program.first; i < program.first + program.count; ++i) {
    const Operation& op = schedule.operations[i];
    const auto touch = [&](Index buffer) {
      assert(buffer - first < lives.size());
      lives[buffer - first].touch(periods[i].begin_s, periods[i].end_s);
    };
    for (const Index buffer : schedule.operands_of(op)) touch(buffer);
    if (op.kind != Kind::exchange) continue;
    for (const Transfer& transfer : schedule.transfers_of(op)) touch(transfer.buffer);
  }
  for (std::size_t i = 0; i < lives.size(); ++i) {
    const Usage usage = schedule.buffers[first + i].usage;
    if (!lives[i].touched()) continue;
    if (usage == Usage::input) lives[i].begin_s = 0;
    if (usage == Usage::output || usage == Usage::saved) lives[i].end_s = never;
  }
}

/// Memory taken or given back at one moment.
struct Change {
  double at_s = 0;
  std::int64_t bytes = 0;
};

/// Buffers mostly come and go in the order in which they were made.
void order_by_time(std::vector<Change>& changes) {
  const auto earlier = [](const Change& a, const Change& b) { return a.at_s < b.at_s; };
  if (std::is_sorted(changes.begin(), changes.end(), earlier)) return;
  std::sort(changes.begin(), changes.end(), earlier);
}

std::int64_t peak(std::vector<Change>& taken, std::vector<Change>& given) {
  order_by_time(taken);
  order_by_time(given);
  std::int64_t alive = 0;
  std::int64_t most = 0;
  auto next = given.begin();
  for (const Change& change : taken) {
    for (; next != given.end() && next->at_s <= change.at_s; ++next) alive -= next->bytes;
    alive += change.bytes;
    most = std::max(most, alive);
  }
  return most;
}

/// From the first to the last buffer of each rank. Those of one rank stand together in what
/// compile() makes, so that all these ranges together are as long as the list; where a few ranks
/// stand for all, those of the others follow.
std::vector<Range> buffers_by_rank(const Schedule& schedule, Rank ranks) {
  std::vector<Range> by_rank(static_cast<std::size_t>(ranks));
  for (Index i = 0; i < schedule.buffers.size() && schedule.buffers[i].rank < ranks; ++i) {
    Range& range = by_rank[schedule.buffers[i].rank];
    if (range.count == 0) range.first = i;
    range.count = i + 1 - range.first;
  }
  return by_rank;
}

}  // namespace

std::vector<std::int64_t> peak_buffer_bytes(const Schedule& schedule, Rank ranks,
                                            std::span<const Period> periods) {
  const std::vector<Range> ranges = buffers_by_rank(schedule, ranks);
  std::vector<std::int64_t> peaks;
  std::vector<Lifetime> lives;
  std::vector<Change> taken;
  std::vector<Change> given;
  for (Rank rank = 0; rank < ranks; ++rank) {
    const Index first = ranges[rank].first;
    lives.assign(ranges[rank].count, {});
    find_lifetimes(schedule, schedule.programs[rank], periods, first, lives);
    taken.clear();
    given.clear();
    for (std::size_t i = 0; i < lives.size(); ++i) {
      if (!lives[i].touched()) continue;
      const std::int64_t bytes = schedule.bytes(schedule.buffers[first + i]);
      taken.push_back({lives[i].begin_s, bytes});
      if (lives[i].end_s < never) given.push_back({lives[i].end_s, bytes});
    }
    peaks.push_back(peak(taken, given));
  }
  return peaks;
}

}  // namespace hsap
