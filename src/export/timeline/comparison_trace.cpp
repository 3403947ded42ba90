#include "export/timeline/comparison_trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "export/timeline/trace_events.hpp"

namespace hsap {
namespace {

enum Side : int { predicted, measured, sides };
constexpr std::array<const char*, sides> side_names{"predicted", "measured"};

/// A thread of the trace: a stream of a rank, seen from one side.
int thread_of(Rank rank, Stream stream, int side) {
  return (rank * streams + static_cast<int>(stream)) * sides + side;
}

std::int64_t ticks(double seconds) { return std::llround(seconds * 1e9); }

std::array<std::span<const Span>, sides> sides_of(const ComparedPass& pass) {
  return {pass.predicted, pass.measured};
}

/// How long an operation took on both sides, as arguments of its events.
std::vector<std::string> durations(const ComparedPass& pass) {
  std::vector<std::string> texts(pass.schedule->operations.size());
  const auto timelines = sides_of(pass);
  for (int side = 0; side < sides; ++side) {
    for (const Span& span : timelines[side]) {
      texts[span.operation] += fmt::format(",\"{}_us\":{}", side_names[side],
                                           microseconds(ticks(span.end_s - span.begin_s)));
    }
  }
  return texts;
}

class ComparisonWriter {
 public:
  ComparisonWriter(Rank ranks, const ComparisonOptions& options)
      : ranks_(ranks), options_(options) {}

  void name_tracks(std::span<const ComparedPass> passes) {
    std::set<std::pair<Rank, Stream>> used;
    for (const ComparedPass& pass : passes) {
      for (const Operation& op : pass.schedule->operations) {
        if (op.rank < ranks_) used.emplace(op.rank, op.stream);
      }
    }
    for (int process = 0; process <= process_of(ranks_ - 1); ++process) {
      events_.name_process(process, fmt::format("node {}", process));
    }
    for (const auto& [rank, stream] : used) {
      for (int side = 0; side < sides; ++side) {
        events_.name_thread(
            process_of(rank), thread_of(rank, stream, side),
            fmt::format("rank {} {} {}", rank, to_string(stream), side_names[side]));
      }
    }
  }

  void add(const ComparedPass& pass) {
    const std::vector<std::string> both = durations(pass);
    const auto timelines = sides_of(pass);
    std::int64_t last = offset_;
    for (int side = 0; side < sides; ++side) {
      last = std::max(last, add_side(pass, timelines[side], side, both));
    }
    offset_ = last;
  }

  [[nodiscard]] std::string finish(Rank all_ranks) const {
    return events_.finish(options_.metadata, {{"ranks", all_ranks}, {"ranks_shown", ranks_}});
  }

 private:
  [[nodiscard]] int process_of(Rank rank) const { return rank / options_.ranks_per_process; }

  /// Writes the operations of each stream up to the begin of the next one. Returns when the last
  /// one ends.
  std::int64_t add_side(const ComparedPass& pass, std::span<const Span> spans, int side,
                        const std::vector<std::string>& both) {
    const Schedule& schedule = *pass.schedule;
    std::vector<std::int64_t> next(static_cast<std::size_t>(schedule.ranks()) * streams, INT64_MAX);
    std::int64_t last = offset_;
    for (std::size_t i = spans.size(); i-- > 0;) {
      const Span& span = spans[i];
      const Operation& op = schedule.operations[span.operation];
      const std::int64_t begin = offset_ + ticks(span.begin_s);
      auto& limit = next[static_cast<std::size_t>(op.rank * streams) + static_cast<int>(op.stream)];
      const std::int64_t end = std::min(offset_ + ticks(span.end_s), limit);
      limit = begin;
      last = std::max(last, end);
      if (op.rank >= ranks_) continue;
      events_.add_span(process_of(op.rank), thread_of(op.rank, op.stream, side), schedule,
                       span.operation, begin, end, both[span.operation]);
    }
    return last;
  }

  Rank ranks_;
  const ComparisonOptions& options_;
  TraceEvents events_;
  std::int64_t offset_ = 0;  ///< end of the passes written
};

}  // namespace

std::string comparison_trace(std::span<const ComparedPass> passes,
                             const ComparisonOptions& options) {
  const Rank all_ranks = passes.empty() ? 0 : passes.front().schedule->ranks();
  ComparisonWriter writer(std::min(all_ranks, options.most_ranks), options);
  if (all_ranks > 0) writer.name_tracks(passes);
  for (const ComparedPass& pass : passes) writer.add(pass);
  return writer.finish(all_ranks);
}

}  // namespace hsap
