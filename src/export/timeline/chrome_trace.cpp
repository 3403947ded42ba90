#include "export/timeline/chrome_trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "export/timeline/flows.hpp"
#include "export/timeline/trace_events.hpp"

namespace hsap {
namespace {

/// Threads of one process need distinct numbers; a rank has one for each stream.
int thread_of(const Operation& op) { return op.rank * streams + static_cast<int>(op.stream); }

class Writer {
 public:
  Writer(const Cluster& cluster, const TraceOptions& options)
      : cluster_(cluster), options_(options) {}

  void name_tracks(Rank ranks, std::span<const Stream> used);
  void add(const TracedPass& pass, Rank ranks, std::span<const LinkId> links);
  [[nodiscard]] std::string finish(Rank all_ranks, Rank ranks, std::size_t links) const;

 private:
  void add_spans(const TracedPass& pass, Rank ranks);
  void add_flows(const TracedPass& pass, Rank ranks);
  void add_counters(const TracedPass& pass, std::span<const LinkId> links);
  [[nodiscard]] int process_of(Rank rank) const {
    return cluster_.node_of(rank * options_.gpus_per_rank);
  }
  [[nodiscard]] int links_process() const { return cluster_.nodes(); }
  /// A moment of the current pass in whole nanoseconds from the start of the trace, so that
  /// rounding cannot make neighbours overlap.
  [[nodiscard]] std::int64_t ticks(double seconds) const {
    return std::llround((offset_s_ + seconds) * 1e9);
  }

  const Cluster& cluster_;
  const TraceOptions& options_;
  TraceEvents events_;
  double offset_s_ = 0;  ///< end of the passes written
  std::uint64_t flow_id_ = 0;
};

void Writer::name_tracks(Rank ranks, std::span<const Stream> used) {
  for (int node = 0; node <= process_of(ranks - 1); ++node) {
    events_.name_process(node, fmt::format("node {}", node));
  }
  events_.name_process(links_process(), "links");
  for (Rank rank = 0; rank < ranks; ++rank) {
    for (const Stream stream : used) {
      events_.name_thread(process_of(rank), rank * streams + static_cast<int>(stream),
                          fmt::format("rank {} {}", rank, to_string(stream)));
    }
  }
}

void Writer::add_spans(const TracedPass& pass, Rank ranks) {
  for (const Span& span : pass.simulation->spans) {
    const Operation& op = pass.schedule->operations[span.operation];
    if (op.rank >= ranks) continue;
    events_.add_span(process_of(op.rank), thread_of(op), *pass.schedule, span.operation,
                     ticks(span.begin_s), ticks(span.end_s));
  }
}

void Writer::add_flows(const TracedPass& pass, Rank ranks) {
  std::vector<Span> by_operation(pass.schedule->operations.size());
  for (const Span& span : pass.simulation->spans) by_operation[span.operation] = span;
  for (const Flow& flow : flows(*pass.schedule, ranks)) {
    const auto end_point = [&](const char* phase, Index operation, double at_s) {
      const Operation& op = pass.schedule->operations[operation];
      events_.add(fmt::format(
          R"("ph":"{}","bp":"e","id":{},"name":"message","cat":"message","pid":{},"tid":{},"ts":{})",
          phase, flow_id_, process_of(op.rank), thread_of(op), microseconds(ticks(at_s))));
    };
    const Span& send = by_operation[flow.send];
    const Span& receive = by_operation[flow.receive];
    end_point("s", flow.send, send.begin_s);
    // Inside the receiving operation, close to its end: at the very end the arrow would bind to
    // whatever follows.
    end_point("f", flow.receive,
              std::max(send.begin_s, 0.01 * receive.begin_s + 0.99 * receive.end_s));
    ++flow_id_;
  }
}

void Writer::add_counters(const TracedPass& pass, std::span<const LinkId> links) {
  for (const LinkUse& use : pass.simulation->link_use) {
    if (std::find(links.begin(), links.end(), use.link) == links.end()) continue;
    events_.add(
        fmt::format(R"("ph":"C","name":{},"pid":{},"tid":0,"ts":{},"args":{{"GB/s":{:.3f}}})",
                    trace_text(cluster_.link_name(use.link)), links_process(),
                    microseconds(ticks(use.at_s)), use.bytes_per_s / 1e9));
  }
}

void Writer::add(const TracedPass& pass, Rank ranks, std::span<const LinkId> links) {
  add_spans(pass, ranks);
  add_flows(pass, ranks);
  add_counters(pass, links);
  offset_s_ += pass.simulation->seconds;
}

std::string Writer::finish(Rank all_ranks, Rank ranks, std::size_t links) const {
  return events_.finish(options_.metadata, {{"ranks", all_ranks},
                                            {"ranks_shown", ranks},
                                            {"links_shown", static_cast<std::int64_t>(links)}});
}

/// The links that carry most over all passes, busiest first.
std::vector<LinkId> busiest(std::span<const TracedPass> passes, std::size_t most) {
  std::vector<double> bytes;
  for (const TracedPass& pass : passes) {
    const std::vector<double>& busy = pass.simulation->link_busy_bytes;
    bytes.resize(std::max(bytes.size(), busy.size()));
    for (std::size_t i = 0; i < busy.size(); ++i) bytes[i] += busy[i];
  }
  std::vector<LinkId> links(bytes.size());
  std::iota(links.begin(), links.end(), 0U);
  std::erase_if(links, [&](LinkId link) { return bytes[link] <= 0; });
  std::stable_sort(links.begin(), links.end(),
                   [&](LinkId a, LinkId b) { return bytes[a] > bytes[b]; });
  links.resize(std::min(links.size(), most));
  return links;
}

/// The streams that any operation uses, in order.
std::vector<Stream> used_streams(std::span<const TracedPass> passes) {
  std::vector<Stream> used;
  for (int i = 0; i < streams; ++i) {
    const auto stream = static_cast<Stream>(i);
    const bool any = std::any_of(passes.begin(), passes.end(), [&](const TracedPass& pass) {
      const auto& operations = pass.schedule->operations;
      return std::any_of(operations.begin(), operations.end(),
                         [&](const Operation& op) { return op.stream == stream; });
    });
    if (any) used.push_back(stream);
  }
  return used;
}

}  // namespace

std::string chrome_trace(std::span<const TracedPass> passes, const Cluster& cluster,
                         const TraceOptions& options) {
  const Rank all_ranks = passes.empty() ? 0 : passes.front().schedule->ranks();
  const Rank ranks = std::min(all_ranks, options.most_ranks);
  const std::vector<LinkId> links = busiest(passes, options.most_links);
  Writer writer(cluster, options);
  if (ranks > 0) writer.name_tracks(ranks, used_streams(passes));
  for (const TracedPass& pass : passes) writer.add(pass, ranks, links);
  return writer.finish(all_ranks, ranks, links.size());
}

}  // namespace hsap
