#include "support/interpreter.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "schedule/kinds.hpp"

namespace hsap::support {
namespace {

constexpr Index nobody = std::numeric_limits<Index>::max();

std::size_t at(Index index) { return index; }

}  // namespace

Interpreter::Interpreter(const Schedule& schedule, const Dense& truth, std::uint64_t seed)
    : schedule_(schedule),
      truth_(truth),
      random_(seed),
      memory_(schedule.buffers.size()),
      started_(schedule.operations.size()),
      done_(schedule.operations.size()),
      partner_(schedule.transfers.size(), nobody),
      owner_(schedule.transfers.size(), nobody),
      moved_(schedule.transfers.size()) {
  for (Index i = 0; i < schedule.operations.size(); ++i) {
    const Operation& op = schedule.operations[i];
    queues_[{op.rank, op.stream}].push_back(i);
  }
  fill_inputs();
  match_transfers();
  match_collectives();
}

std::vector<Token> Interpreter::tokens_of(std::span<const Interval> list) const {
  std::vector<Token> tokens;
  for (const Interval& interval : list) {
    for (Token i = 0; i < interval.size(); ++i) tokens.push_back(interval.at(i));
  }
  return tokens;
}

std::vector<Token> Interpreter::rows_of_buffer(Index buffer) const {
  return tokens_of(schedule_.intervals_of(schedule_.buffers[buffer]));
}

Interpreter::Row& Interpreter::row(Index buffer, Token token, int head) {
  return memory_[at(buffer)].at({token, head});
}

/// Inputs hold their values; everything else holds NaN, which spreads when it is read too early.
void Interpreter::fill_inputs() {
  for (Index b = 0; b < schedule_.buffers.size(); ++b) {
    const Buffer& buffer = schedule_.buffers[b];
    const int width = schedule_.width(buffer.role);
    for (const Token token : rows_of_buffer(b)) {
      for (int head = buffer.heads.begin; head < buffer.heads.end; ++head) {
        Row values(static_cast<std::size_t>(width), std::nan(""));
        for (int d = 0; buffer.usage == Usage::input && d < width; ++d) {
          values[static_cast<std::size_t>(d)] = truth_.value(buffer.role, token, head, d);
        }
        memory_[b][{token, head}] = std::move(values);
      }
    }
  }
}

void Interpreter::match_transfers() {
  std::map<Channel, std::vector<Index>> sends, receives;
  for (Index i = 0; i < schedule_.operations.size(); ++i) {
    const Operation& op = schedule_.operations[i];
    if (op.kind != Kind::exchange) continue;
    for (Index t = op.payload.first; t < op.payload.first + op.payload.count; ++t) {
      const Transfer& transfer = schedule_.transfers[t];
      owner_[t] = i;
      if (transfer.direction == Direction::send) {
        sends[{op.rank, transfer.peer, op.stream}].push_back(t);
      } else {
        receives[{transfer.peer, op.rank, op.stream}].push_back(t);
      }
    }
  }
  for (const auto& [channel, list] : sends) {
    const std::vector<Index>& other = receives[channel];
    for (std::size_t k = 0; k < std::min(list.size(), other.size()); ++k) {
      partner_[list[k]] = other[k];
      partner_[other[k]] = list[k];
    }
  }
}

void Interpreter::match_collectives() {
  std::map<std::tuple<Rank, Rank, Rank, Stream, Rank>, int> seen;  // group, stream, member -> count
  std::map<std::tuple<Rank, Rank, Rank, Stream, int>, std::vector<Index>> teams;
  for (Index i = 0; i < schedule_.operations.size(); ++i) {
    const Operation& op = schedule_.operations[i];
    if (!is_collective(op.kind)) continue;
    const Group& g = schedule_.group_of(op);
    const int k = seen[{g.first, g.count, g.stride, op.stream, op.rank}]++;
    teams[{g.first, g.count, g.stride, op.stream, k}].push_back(i);
  }
  for (const auto& [key, members] : teams) {
    for (const Index member : members) teams_[member] = members;
  }
}

bool Interpreter::run() {
  std::vector<std::pair<Rank, Stream>> places;
  for (const auto& [place, queue] : queues_) places.push_back(place);
  for (bool progress = true; progress;) {
    progress = false;
    std::shuffle(places.begin(), places.end(), random_);
    for (const auto& [rank, stream] : places) progress = step(rank, stream) || progress;
  }
  return std::all_of(done_.begin(), done_.end(), [](bool done) { return done; });
}

bool Interpreter::eligible(Index op) const {
  const auto dependencies = schedule_.dependencies_of(schedule_.operations[op]);
  return std::all_of(dependencies.begin(), dependencies.end(),
                     [&](Index dependency) { return done_[dependency]; });
}

/// Advances the first unfinished operation of a queue; false when it can only wait.
bool Interpreter::step(Rank rank, Stream stream) {
  std::size_t& head = heads_of_queues_[{rank, stream}];
  const std::vector<Index>& queue = queues_[{rank, stream}];
  if (head == queue.size() || !eligible(queue[head])) return false;
  const Index op = queue[head];
  const bool fresh = !started_[op];
  started_[op] = true;
  const Kind kind = schedule_.operations[op].kind;
  if (kind == Kind::exchange) {
    done_[op] = exchange(op);
  } else if (is_collective(kind)) {
    done_[op] = done_[op] || collective(op);
  } else {
    execute(op);
    done_[op] = true;
  }
  if (done_[op]) ++head;
  return done_[op] || fresh;
}

bool Interpreter::exchange(Index op) {
  const Range& payload = schedule_.operations[op].payload;
  bool complete = true;
  for (Index t = payload.first; t < payload.first + payload.count; ++t) {
    const Index other = partner_[t];
    if (other != nobody && started_[owner_[other]] && !moved_[t]) {
      const bool sends = schedule_.transfers[t].direction == Direction::send;
      const Transfer& from = schedule_.transfers[sends ? t : other];
      move(from, schedule_.transfers[sends ? other : t]);
      moved_[t] = moved_[other] = true;
    }
    complete = complete && moved_[t];
  }
  return complete;
}

void Interpreter::move(const Transfer& from, const Transfer& to) {
  const std::vector<Token> source = tokens_of(schedule_.intervals_of(from));
  const std::vector<Token> target = tokens_of(schedule_.intervals_of(to));
  for (std::size_t i = 0; i < source.size(); ++i) {
    for (int h = 0; h < from.heads.size(); ++h) {
      const Row& data = row(from.buffer, source[i], from.heads.begin + h);
      Row& place = row(to.buffer, target[i], to.heads.begin + h);
      for (std::size_t d = 0; d < data.size(); ++d) place[d] = data[d] + (to.add ? place[d] : 0);
    }
  }
}

bool Interpreter::collective(Index op) {
  const std::vector<Index>& members = teams_[op];
  const auto group = static_cast<std::size_t>(schedule_.group_of(schedule_.operations[op]).count);
  const bool all = members.size() == group && std::all_of(members.begin(), members.end(),
                                                          [&](Index m) { return started_[m]; });
  if (!all) return false;
  for (const Index member : members) {
    gather(schedule_.operations[member], members);
    if (member != op) done_[member] = true;
  }
  for (const Index member : members) {  // the queues of the others move on in their own step
    started_[member] = true;
  }
  return true;
}

/// Writes one member's destinations: the rows of every source, or their sums.
void Interpreter::gather(const Operation& member, const std::vector<Index>& members) {
  const bool sums = member.kind == Kind::reduce_scatter;
  const auto mine = schedule_.operands_of(member);
  for (std::size_t pair = 0; pair + 1 < mine.size(); pair += 2) {
    for (int head = member.heads.begin; head < member.heads.end; ++head) {
      std::map<Token, Row> result;
      for (const Index other : members) {
        const Index source = schedule_.operands_of(schedule_.operations[other])[pair];
        for (const Token token : rows_of_buffer(source)) {
          const Row& data = row(source, token, head);
          Row& sum = result[token];
          sum.resize(data.size(), 0);
          for (std::size_t d = 0; d < data.size(); ++d) sum[d] = data[d] + (sums ? sum[d] : 0);
        }
      }
      for (const Token token : rows_of_buffer(mine[pair + 1])) {
        if (result.count(token) > 0) row(mine[pair + 1], token, head) = result[token];
      }
    }
  }
}

void Interpreter::execute(Index index) {
  const Operation& op = schedule_.operations[index];
  const auto operands = schedule_.operands_of(op);
  if (op.kind == Kind::attend) return attend(op);
  if (op.kind == Kind::attend_backward) return attend_backward(op);
  if (op.kind == Kind::delta) return delta(op);
  if (op.kind == Kind::merge) return merge(op);
  if (op.kind == Kind::compute) return;
  const bool adds = op.kind == Kind::reduce;
  const std::vector<Token> tokens = !adds && op.payload.count > 0
                                        ? tokens_of(schedule_.intervals_of(op.payload))
                                        : rows_of_buffer(operands[0]);
  for (const Token token : tokens) {
    for (int head = op.heads.begin; head < op.heads.end; ++head) {
      const Row& data = row(operands[0], token, head);
      Row& place = row(operands[1], token, head);
      for (std::size_t d = 0; d < data.size(); ++d) place[d] = data[d] + (adds ? place[d] : 0);
    }
  }
}

namespace {

/// Joins a partial (o, lse) into another, safe when either saw no key.
void join(std::vector<double>& o, double& lse, const std::vector<double>& part, double part_lse) {
  const double top = std::max(lse, part_lse);
  if (std::isinf(top)) return;
  const double sum = std::exp(lse - top) + std::exp(part_lse - top);
  for (std::size_t d = 0; d < o.size(); ++d) {
    const double kept = std::isinf(lse) ? 0 : o[d] * std::exp(lse - top);
    o[d] = (kept + part[d] * std::exp(part_lse - top)) / sum;
  }
  lse = top + std::log(sum);
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t d = 0; d < a.size(); ++d) sum += a[d] * b[d];
  return sum;
}

}  // namespace

void Interpreter::attend(const Operation& op) {
  const auto operands = schedule_.operands_of(op);
  const double scale = 1 / std::sqrt(schedule_.heads.dim);
  for (const Token q : rows_of_buffer(operands[3])) {
    for (int head = op.heads.begin; head < op.heads.end; ++head) {
      const int kv = head * schedule_.heads.key_value / schedule_.heads.query;
      Row& o = row(operands[3], q, head);
      double& lse = row(operands[4], q, head)[0];
      if (!op.accumulate_query) {
        std::fill(o.begin(), o.end(), 0);
        lse = -std::numeric_limits<double>::infinity();
      }
      for (const Slice& slice : schedule_.slices_of(op)) {
        if (!slice.query.contains(q)) continue;
        for (const Token k : tokens_of({&slice.key, 1})) {
          if (!attends(slice, q, k)) continue;
          join(o, lse, row(operands[2], k, kv),
               scale * dot(row(operands[0], q, head), row(operands[1], k, kv)));
        }
      }
    }
  }
}

void Interpreter::attend_backward(const Operation& op) {
  const auto operands = schedule_.operands_of(op);
  const double scale = 1 / std::sqrt(schedule_.heads.dim);
  const auto clear = [&](Index buffer, HeadRange heads) {
    for (const Token token : rows_of_buffer(buffer)) {
      for (int h = heads.begin; h < heads.end; ++h) std::ranges::fill(row(buffer, token, h), 0);
    }
  };
  if (!op.accumulate_query) clear(operands[6], op.heads);
  if (!op.accumulate_key) clear(operands[7], schedule_.key_heads(op.heads));
  if (!op.accumulate_key) clear(operands[8], schedule_.key_heads(op.heads));
  for (const Slice& slice : schedule_.slices_of(op)) {
    for (const Token q : tokens_of({&slice.query, 1})) {
      for (const Token k : tokens_of({&slice.key, 1})) {
        if (!attends(slice, q, k)) continue;
        for (int head = op.heads.begin; head < op.heads.end; ++head) {
          const int kv = head * schedule_.heads.key_value / schedule_.heads.query;
          const Row &query = row(operands[0], q, head), &key = row(operands[1], k, kv);
          const Row& dout = row(operands[3], q, head);
          const double p = std::exp(scale * dot(query, key) - row(operands[4], q, head)[0]);
          const double dp = dot(dout, row(operands[2], k, kv));
          const double ds = p * (dp - row(operands[5], q, head)[0]) * scale;
          for (std::size_t d = 0; d < query.size(); ++d) {
            row(operands[6], q, head)[d] += ds * key[d];
            row(operands[7], k, kv)[d] += ds * query[d];
            row(operands[8], k, kv)[d] += p * dout[d];
          }
        }
      }
    }
  }
}

void Interpreter::delta(const Operation& op) {
  const auto operands = schedule_.operands_of(op);
  for (const Token token : rows_of_buffer(operands[2])) {
    for (int head = op.heads.begin; head < op.heads.end; ++head) {
      row(operands[2], token, head)[0] =
          dot(row(operands[0], token, head), row(operands[1], token, head));
    }
  }
}

void Interpreter::merge(const Operation& op) {
  const auto operands = schedule_.operands_of(op);
  for (const Token token : rows_of_buffer(operands[0])) {
    for (int head = op.heads.begin; head < op.heads.end; ++head) {
      join(row(operands[2], token, head), row(operands[3], token, head)[0],
           row(operands[0], token, head), row(operands[1], token, head)[0]);
    }
  }
}

double Interpreter::worst_error() const {
  double worst = 0;
  for (std::size_t b = 0; b < schedule_.buffers.size(); ++b) {
    const Buffer& buffer = schedule_.buffers[b];
    if (buffer.usage != Usage::output && buffer.usage != Usage::saved) continue;
    for (const auto& [place, values] : memory_[b]) {
      for (std::size_t d = 0; d < values.size(); ++d) {
        const double expected =
            truth_.value(buffer.role, place.first, place.second, static_cast<int>(d));
        const double error = std::abs(values[d] - expected);
        worst =
            std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(worst, error);
      }
    }
  }
  return worst;
}

}  // namespace hsap::support
