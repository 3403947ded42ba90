#include "validate/gpu/messages.hpp"

#include <algorithm>

#include "validate/gpu/rows.hpp"

namespace hsap::executor {

using device::Array;
using device::RowPair;

Array Staging::take(const Array& like, std::int64_t rows) {
  constexpr std::int64_t alignment = 256;
  Array array = like;
  array.rows = rows;
  array.row_stride = std::int64_t{like.heads} * like.width;
  array.data = measures() ? nullptr : data_ + used_;
  used_ += (rows * array.row_bytes() + alignment - 1) / alignment * alignment;
  most_ = std::max(most_, used_);
  return array;
}

Status Messages::move(std::vector<device::Launch>& launches, const Array& from, const Array& to,
                      std::vector<RowPair> rows, bool add, const Staging& staging) {
  if (staging.measures()) return {};
  HSAP_TRY(device::Launch launch, device_.prepare(device::Move{from, to, std::move(rows), add}));
  launches.push_back(std::move(launch));
  return {};
}

Status Messages::send(Phase& phase, Rank to, Index buffer, std::span<const Token> tokens,
                      HeadRange heads, Staging& staging) {
  const Array array = memory_.array(buffer, heads);
  const auto rows = message_rows(memory_.rows(buffer), tokens);
  const auto count = static_cast<std::int64_t>(tokens.size());
  if (in_one_piece(array, rows)) {
    phase.messages.push_back(as_message(to, array, rows.front().from, count, true));
    return {};
  }
  const Array packed = staging.take(array, count);
  phase.messages.push_back(as_message(to, packed, 0, count, true));
  return move(phase.before, array, packed, rows, false, staging);
}

Status Messages::receive(Phase& phase, Rank from, Index buffer, std::span<const Token> tokens,
                         HeadRange heads, bool add, Staging& staging) {
  const Array array = memory_.array(buffer, heads);
  const auto rows = message_rows(memory_.rows(buffer), tokens);
  const auto count = static_cast<std::int64_t>(tokens.size());
  if (!add && in_one_piece(array, rows)) {
    phase.messages.push_back(as_message(from, array, rows.front().from, count, false));
    return {};
  }
  const Array packed = staging.take(array, count);
  phase.messages.push_back(as_message(from, packed, 0, count, false));
  return move(phase.after, packed, array, turned(rows), add, staging);
}

Result<std::vector<Phase>> Messages::phases(Index at, Staging& staging) {
  staging.restart();
  const Operation& op = schedule_.operations[at];
  if (op.kind == Kind::exchange) return exchange(op, staging);
  const bool at_once = is_at_once(schedule_, meetings_, at, at_once_);
  if (op.kind == Kind::all_gather) {
    return at_once ? gather_at_once(at, staging) : all_gather(at, staging);
  }
  return at_once ? reduce_at_once(at, staging) : reduce_scatter(at, staging);
}

Result<std::vector<Phase>> Messages::exchange(const Operation& op, Staging& staging) {
  std::vector<Phase> phases(1);
  std::vector<const Transfer*> own_sends;
  for (const Transfer& transfer : schedule_.transfers_of(op)) {
    if (transfer.peer == rank_ && transfer.direction == Direction::send) {
      own_sends.push_back(&transfer);
    }
  }
  std::size_t own = 0;
  for (const Transfer& transfer : schedule_.transfers_of(op)) {
    const std::vector<Token> tokens = host::tokens_of(schedule_.intervals_of(transfer));
    const bool is_send = transfer.direction == Direction::send;
    if (transfer.peer != rank_) {
      HSAP_CHECK(
          is_send ? send(phases[0], transfer.peer, transfer.buffer, tokens, transfer.heads, staging)
                  : receive(phases[0], transfer.peer, transfer.buffer, tokens, transfer.heads,
                            transfer.add, staging));
    } else if (!is_send) {
      if (own == own_sends.size()) return infeasible("a rank that waits for its own message");
      const Transfer& from = *own_sends[own++];
      // After the receives before it: sums keep the order of the transfers.
      HSAP_CHECK(move(phases[0].after, memory_.array(from.buffer, from.heads),
                      memory_.array(transfer.buffer, transfer.heads),
                      pair_rows(memory_.rows(from.buffer), memory_.rows(transfer.buffer), tokens),
                      transfer.add, staging));
    }
  }
  return phases;
}

}  // namespace hsap::executor
