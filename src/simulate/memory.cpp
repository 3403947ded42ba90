#include "simulate/memory.hpp"

#include <algorithm>
#include <limits>

#include "simulate/traffic.hpp"

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

std::vector<Lifetime> lifetimes(const Schedule& schedule, std::span<const double> begin_s,
                                std::span<const double> end_s) {
  std::vector<Lifetime> lives(schedule.buffers.size());
  for (std::size_t i = 0; i < schedule.operations.size(); ++i) {
    const Operation& op = schedule.operations[i];
    for (const Index buffer : schedule.operands_of(op)) lives[buffer].touch(begin_s[i], end_s[i]);
    if (op.kind != Kind::exchange) continue;
    for (const Transfer& transfer : schedule.transfers_of(op)) {
      lives[transfer.buffer].touch(begin_s[i], end_s[i]);
    }
  }
  for (std::size_t i = 0; i < lives.size(); ++i) {
    const Usage usage = schedule.buffers[i].usage;
    if (!lives[i].touched()) continue;
    if (usage == Usage::input) lives[i].begin_s = 0;
    if (usage == Usage::output || usage == Usage::saved) lives[i].end_s = never;
  }
  return lives;
}

/// Memory taken (or given back: negative) at one moment.
struct Change {
  double at_s = 0;
  std::int64_t bytes = 0;
};

std::int64_t peak(std::vector<Change>& changes) {
  std::sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
    return a.at_s < b.at_s || (a.at_s == b.at_s && a.bytes < b.bytes);
  });
  std::int64_t alive = 0;
  std::int64_t most = 0;
  for (const Change& change : changes) {
    alive += change.bytes;
    most = std::max(most, alive);
  }
  return most;
}

/// Indices of the buffers, grouped by rank.
std::vector<std::vector<Index>> buffers_by_rank(const Schedule& schedule) {
  std::vector<std::vector<Index>> by_rank(schedule.programs.size());
  for (Index i = 0; i < schedule.buffers.size(); ++i) {
    by_rank[schedule.buffers[i].rank].push_back(i);
  }
  return by_rank;
}

}  // namespace

std::vector<std::int64_t> peak_buffer_bytes(const Schedule& schedule,
                                            std::span<const double> begin_s,
                                            std::span<const double> end_s) {
  const std::vector<Lifetime> lives = lifetimes(schedule, begin_s, end_s);
  std::vector<std::int64_t> peaks;
  std::vector<Change> changes;
  for (const std::vector<Index>& buffers : buffers_by_rank(schedule)) {
    changes.clear();
    for (const Index buffer : buffers) {
      if (!lives[buffer].touched()) continue;
      const std::int64_t bytes = schedule.bytes(schedule.buffers[buffer]);
      changes.push_back({lives[buffer].begin_s, bytes});
      if (lives[buffer].end_s < never) changes.push_back({lives[buffer].end_s, -bytes});
    }
    peaks.push_back(peak(changes));
  }
  return peaks;
}

}  // namespace hsap
