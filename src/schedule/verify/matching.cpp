#include "schedule/verify/matching.hpp"

#include <fmt/format.h>

#include <tuple>

namespace hsap::verifier {
namespace {

/// One end of a message. Ends with equal routes match in order.
struct End {
  Rank from = 0;
  Rank to = 0;
  Stream stream = Stream::compute;
  Index transfer = 0;

  [[nodiscard]] auto route() const { return std::tuple(from, to, stream); }
};

struct Ends {
  std::vector<End> sends;
  std::vector<End> receives;
};

Ends collect_ends(const Schedule& schedule, Matching& matching) {
  Ends ends;
  matching.owner.assign(schedule.transfers.size(), none);
  matching.partner.assign(schedule.transfers.size(), none);
  for (Index at = 0; at < schedule.operations.size(); ++at) {
    const Operation& op = schedule.operations[at];
    if (op.kind != Kind::exchange) continue;
    for (Index t = op.payload.first; t < op.payload.first + op.payload.count; ++t) {
      matching.owner[t] = at;
      const Transfer& transfer = schedule.transfers[t];
      if (transfer.direction == Direction::send) {
        ends.sends.push_back({op.rank, transfer.peer, op.stream, t});
      } else {
        ends.receives.push_back({transfer.peer, op.rank, op.stream, t});
      }
    }
  }
  // Stable: within a route the ends keep the order in which their rank issues them.
  const auto by_route = [](const End& a, const End& b) { return a.route() < b.route(); };
  std::stable_sort(ends.sends.begin(), ends.sends.end(), by_route);
  std::stable_sort(ends.receives.begin(), ends.receives.end(), by_route);
  return ends;
}

/// Whether two lists name the same tokens in the same order, however they are cut.
bool same_rows(const Positions& positions, std::span<const Interval> a,
               std::span<const Interval> b) {
  if (std::equal(a.begin(), a.end(), b.begin(), b.end())) return true;
  std::size_t i = 0, j = 0;
  Run left, right;
  while (true) {
    if (left.begin == left.end && i < a.size()) left = positions.run(a[i++]);
    if (right.begin == right.end && j < b.size()) right = positions.run(b[j++]);
    const Position rows = std::min(left.end - left.begin, right.end - right.begin);
    if (rows == 0) return left.begin == left.end && right.begin == right.end;
    if (left.begin != right.begin) return false;
    left.begin += rows;
    right.begin += rows;
  }
}

/// What differs between the two ends of a message; empty when nothing does.
std::string difference(const Subject& subject, const Transfer& send, const Transfer& receive) {
  const Schedule& schedule = subject.schedule;
  const Buffer& source = schedule.buffers[send.buffer];
  const Buffer& target = schedule.buffers[receive.buffer];
  if (source.role != target.role) {
    return fmt::format("{} is sent and {} received", to_string(source.role),
                       to_string(target.role));
  }
  if (source.dtype != target.dtype) {
    return fmt::format("{} is sent and {} received", to_string(source.dtype),
                       to_string(target.dtype));
  }
  if (!(send.heads == receive.heads)) {
    return fmt::format("{} are sent and {} received", heads_text(send.heads),
                       heads_text(receive.heads));
  }
  const auto sent = schedule.intervals_of(send);
  const auto received = schedule.intervals_of(receive);
  if (!same_rows(subject.positions, sent, received)) {
    return fmt::format("other tokens are sent ({} rows) than received ({} rows)", tokens_in(sent),
                       tokens_in(received));
  }
  return {};
}

std::string alone_text(const End& end, bool is_send) {
  return is_send ? fmt::format("nothing on rank {} receives what rank {} sends on stream {}",
                               end.to, end.from, to_string(end.stream))
                 : fmt::format("rank {} sends nothing on stream {} that rank {} could receive",
                               end.from, to_string(end.stream), end.to);
}

}  // namespace

Found match_transfers(const Subject& subject, Matching& matching) {
  const Schedule& schedule = subject.schedule;
  const Ends ends = collect_ends(schedule, matching);
  Lowest lowest(Flaw::unmatched_transfer);
  std::size_t s = 0, r = 0;
  while (s < ends.sends.size() || r < ends.receives.size()) {
    const bool send_alone =
        r == ends.receives.size() ||
        (s < ends.sends.size() && ends.sends[s].route() < ends.receives[r].route());
    const bool receive_alone =
        s == ends.sends.size() ||
        (r < ends.receives.size() && ends.receives[r].route() < ends.sends[s].route());
    if (send_alone || receive_alone) {
      const End& end = send_alone ? ends.sends[s++] : ends.receives[r++];
      lowest.report(matching.owner[end.transfer], [&] { return alone_text(end, send_alone); });
      continue;
    }
    const End& send = ends.sends[s++];
    const Index receive = ends.receives[r++].transfer;
    matching.partner[send.transfer] = receive;
    matching.partner[receive] = send.transfer;
    const std::string flaw =
        difference(subject, schedule.transfers[send.transfer], schedule.transfers[receive]);
    if (flaw.empty()) continue;
    const Index sender = matching.owner[send.transfer], receiver = matching.owner[receive];
    lowest.report(std::min(sender, receiver), [&] {
      return fmt::format("{} from rank {} (#{}) to rank {} (#{})", flaw, send.from, sender, send.to,
                         receiver);
    });
  }
  return lowest.found();
}

}  // namespace hsap::verifier
