#include "validate/gpu/messages.hpp"

#include <algorithm>

#include "validate/gpu/rows.hpp"

namespace hsap::executor {

using device::Array;
using device::Message;
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

namespace {

std::vector<RowPair> all_rows(std::int64_t count) { return {{0, 0, count}}; }

/// Rows of tokens in a buffer, paired with rows 0, 1, ... of a message.
std::vector<RowPair> message_rows(const host::Rows& rows, std::span<const Token> tokens) {
  std::vector<RowPair> pairs;
  std::int64_t next = 0;
  for (const Token token : tokens) {
    const auto row = static_cast<std::int64_t>(rows[token]);
    if (!pairs.empty() && pairs.back().from + pairs.back().count == row) {
      ++pairs.back().count;
    } else {
      pairs.push_back({row, next, 1});
    }
    ++next;
  }
  return pairs;
}

std::vector<RowPair> turned(std::vector<RowPair> pairs) {
  for (RowPair& pair : pairs) std::swap(pair.from, pair.to);
  return pairs;
}

/// Where rows lie when they are one piece of memory.
bool in_one_piece(const Array& array, const std::vector<RowPair>& rows) {
  return rows.size() == 1 && array.row_stride == std::int64_t{array.heads} * array.width;
}

Message message(Rank peer, const Array& array, std::int64_t first, std::int64_t rows,
                bool is_send) {
  return {peer, array.data + first * array.row_bytes(), rows * array.row_bytes(), is_send};
}

}  // namespace

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
    phase.messages.push_back(message(to, array, rows.front().from, count, true));
    return {};
  }
  const Array packed = staging.take(array, count);
  phase.messages.push_back(message(to, packed, 0, count, true));
  return move(phase.before, array, packed, rows, false, staging);
}

Status Messages::receive(Phase& phase, Rank from, Index buffer, std::span<const Token> tokens,
                         HeadRange heads, bool add, Staging& staging) {
  const Array array = memory_.array(buffer, heads);
  const auto rows = message_rows(memory_.rows(buffer), tokens);
  const auto count = static_cast<std::int64_t>(tokens.size());
  if (!add && in_one_piece(array, rows)) {
    phase.messages.push_back(message(from, array, rows.front().from, count, false));
    return {};
  }
  const Array packed = staging.take(array, count);
  phase.messages.push_back(message(from, packed, 0, count, false));
  return move(phase.after, packed, array, turned(rows), add, staging);
}

Result<std::vector<Phase>> Messages::phases(Index at, Staging& staging) {
  staging.restart();
  const Operation& op = schedule_.operations[at];
  if (op.kind == Kind::exchange) return exchange(op, staging);
  return op.kind == Kind::all_gather ? all_gather(at, staging) : reduce_scatter(at, staging);
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

namespace {

/// One rank's place in the ring of a collective.
struct Ring {
  Ring(const Schedule& schedule, std::span<const Index> all, Index at)
      : members(all),
        self(static_cast<std::size_t>(std::find(all.begin(), all.end(), at) - all.begin())),
        next(schedule.operations[member(1)].rank),
        before(schedule.operations[member(all.size() - 1)].rank) {}

  [[nodiscard]] Index member(std::size_t steps_on) const {
    return members[(self + steps_on) % members.size()];
  }

  std::span<const Index> members;
  std::size_t self;
  Rank next;
  Rank before;
};

}  // namespace

/// Each member passes on what it got last, beginning with its own rows.
Result<std::vector<Phase>> Messages::all_gather(Index at, Staging& staging) {
  const Operation& op = schedule_.operations[at];
  const Ring ring(schedule_, meetings_.of(at), at);
  const std::size_t n = ring.members.size();
  const auto on = schedule_.operands_of(op);
  const auto rows_of = [&](Index member, std::size_t pair) {
    const Index source = schedule_.operands_of(schedule_.operations[member])[2 * pair];
    return host::tokens_of(schedule_.intervals_of(schedule_.buffers[source]));
  };
  std::vector<Phase> phases(n);
  for (std::size_t pair = 0; pair < on.size() / 2; ++pair) {
    const Index source = on[2 * pair];
    const Index destination = on[2 * pair + 1];
    HSAP_CHECK(move(phases[0].before, memory_.array(source, op.heads),
                    memory_.array(destination, op.heads),
                    pair_rows(memory_.rows(source), memory_.rows(destination), rows_of(at, pair)),
                    false, staging));
  }
  for (std::size_t step = 0; step + 1 < n; ++step) {
    for (std::size_t pair = 0; pair < on.size() / 2; ++pair) {
      const Index destination = on[2 * pair + 1];
      HSAP_CHECK(send(phases[step + 1], ring.next, destination,
                      rows_of(ring.member(n - step), pair), op.heads, staging));
      HSAP_CHECK(receive(phases[step + 1], ring.before, destination,
                         rows_of(ring.member(2 * n - step - 1), pair), op.heads, false, staging));
    }
  }
  return phases;
}

/// The rows of a member start at the next one and gather a share at every member on their way.
Result<std::vector<Phase>> Messages::reduce_scatter(Index at, Staging& staging) {
  const Operation& op = schedule_.operations[at];
  const Ring ring(schedule_, meetings_.of(at), at);
  const std::size_t n = ring.members.size();
  const auto on = schedule_.operands_of(op);
  std::vector<Phase> phases(n);
  for (std::size_t pair = 0; pair < on.size() / 2; ++pair) {
    const Index source = on[2 * pair];
    const Array own = memory_.array(source, op.heads);
    const auto rows_of = [&](Index member) {
      const Index destination = schedule_.operands_of(schedule_.operations[member])[2 * pair + 1];
      return message_rows(memory_.rows(source),
                          host::tokens_of(schedule_.intervals_of(schedule_.buffers[destination])));
    };
    const auto count = [](const std::vector<RowPair>& rows) {
      return rows.empty() ? 0 : rows.back().to + rows.back().count;
    };
    std::vector<RowPair> rows = rows_of(ring.member(n - 1));
    Array sum = staging.take(own, count(rows));
    HSAP_CHECK(move(phases[0].after, own, sum, rows, false, staging));
    for (std::size_t step = 0; step + 1 < n; ++step) {
      Phase& phase = phases[step + 1];
      phase.messages.push_back(message(ring.next, sum, 0, sum.rows, true));
      rows = rows_of(ring.member(2 * n - step - 2));
      sum = staging.take(own, count(rows));
      phase.messages.push_back(message(ring.before, sum, 0, sum.rows, false));
      HSAP_CHECK(move(phase.after, own, sum, rows, true, staging));
    }
    const Array result = memory_.array(on[2 * pair + 1], op.heads);
    HSAP_CHECK(move(phases[n - 1].after, sum, result, all_rows(sum.rows), false, staging));
  }
  return phases;
}

}  // namespace hsap::executor
