#include <fmt/format.h>

#include "schedule/verify/stages.hpp"

namespace hsap::verifier {
namespace {

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

std::string alone_text(const Operation& op, const Transfer& transfer) {
  return transfer.direction == Direction::send
             ? fmt::format("nothing on rank {} receives what rank {} sends on stream {}",
                           transfer.peer, op.rank, to_string(op.stream))
             : fmt::format("rank {} sends nothing on stream {} that rank {} could receive",
                           transfer.peer, to_string(op.stream), op.rank);
}

}  // namespace

Found check_transfers(const Subject& subject, const Partners& partners) {
  const Schedule& schedule = subject.schedule;
  Lowest lowest(Flaw::unmatched_transfer);
  for (Index t = 0; t < schedule.transfers.size(); ++t) {
    const Index at = partners.owner[t];
    if (at == none) continue;
    const Operation& op = schedule.operations[at];
    const Transfer& transfer = schedule.transfers[t];
    if (partners.partner[t] == none) {
      lowest.report(at, [&] { return alone_text(op, transfer); });
      continue;
    }
    if (transfer.direction == Direction::receive) continue;  // compared from the sender's side
    const Index receiver = partners.owner[partners.partner[t]];
    const std::string flaw = difference(subject, transfer, schedule.transfers[partners.partner[t]]);
    if (flaw.empty()) continue;
    lowest.report(std::min(at, receiver), [&] {
      return fmt::format("{} from rank {} (#{}) to rank {} (#{})", flaw, op.rank, at, transfer.peer,
                         receiver);
    });
  }
  return lowest.found();
}

}  // namespace hsap::verifier
