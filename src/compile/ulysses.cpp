#include "compile/ulysses.hpp"

#include <algorithm>

#include "schedule/kinds.hpp"

namespace hsap {
namespace {

bool is_statistic(Role role) { return role == Role::lse || role == Role::delta; }

}  // namespace

Ulysses::Ulysses(Lowering& lower) : lower_(lower) {
  const std::int64_t members = lower.mesh.ulysses();
  for (std::size_t c = 0; c < lower.shards.size(); ++c) {
    if (members == 1) {
      home_rows_.push_back(lower.shard_rows[c]);
      continue;
    }
    const std::int64_t rows = tokens_in(lower.shards[c]);
    for (std::int64_t u = 0; u < members; ++u) {
      home_rows_.push_back(lower.build.intervals(
          rows_of(lower.shards[c], rows * u / members, rows * (u + 1) / members)));
    }
  }
}

const Range& Ulysses::home_rows(Seat seat) const {
  const auto members = static_cast<std::size_t>(lower_.mesh.ulysses());
  return home_rows_[static_cast<std::size_t>(seat.c) * members + static_cast<std::size_t>(seat.u)];
}

HeadRange Ulysses::heads_of(Role role, int u) const {
  return in_key_heads(role) ? lower_.mesh.key_heads(u) : lower_.mesh.query_heads(u);
}

HeadRange Ulysses::all_heads(Role role) const {
  return in_key_heads(role) ? lower_.mesh.all_key_heads() : lower_.mesh.all_query_heads();
}

HeadRange Ulysses::first_held(int u) const {
  const HeadRange held = lower_.mesh.key_heads(u);
  const int before = u == 0 ? 0 : lower_.mesh.key_heads(u - 1).end;
  return head_range(std::clamp<int>(before, held.begin, held.end), held.end);
}

HeadRange Ulysses::also_held(int u) const {
  return head_range(lower_.mesh.key_heads(u).begin, first_held(u).begin);
}

Scope Ulysses::open(Seat seat) {
  lower_.build.begin_rank(home_rows(seat));
  Scope at;
  at.seat = seat;
  at.query_heads = lower_.mesh.query_heads(seat.u);
  at.key_heads = lower_.mesh.key_heads(seat.u);
  at.rows = lower_.shard_rows[static_cast<std::size_t>(seat.c)];
  return at;
}

Index Ulysses::home_buffer(Seat seat, Role role, Usage usage) {
  return lower_.build.buffer(role, usage, lower_.problem.dtype, all_heads(role), home_rows(seat));
}

Index Ulysses::shard_buffer(const Scope& at, Role role, Usage usage) {
  const Dtype dtype = is_statistic(role) ? Dtype::fp32 : lower_.problem.dtype;
  return lower_.build.buffer(role, usage, dtype, heads_of(role, at.seat.u), at.rows);
}

void Ulysses::to_heads(const Scope& at, Role role, Index home, Index shard) {
  const auto [u, c] = at.seat;
  const int members = lower_.mesh.ulysses();
  for (int distance = 0; distance < members; ++distance) {
    const int to = (u + distance) % members;
    const int from = (u - distance + members) % members;
    lower_.build.send(lower_.mesh.rank({to, c}), home, home_rows(at.seat), heads_of(role, to));
    lower_.build.receive(lower_.mesh.rank({from, c}), shard, home_rows({from, c}),
                         heads_of(role, u));
  }
}

void Ulysses::to_home(const Scope& at, Index shard, Index home, HeadsOf heads, bool add) {
  const auto [u, c] = at.seat;
  const int members = lower_.mesh.ulysses();
  const HeadRange own = (this->*heads)(u);
  for (int distance = 0; distance < members; ++distance) {
    const int to = (u + distance) % members;
    const int from = (u - distance + members) % members;
    const HeadRange theirs = (this->*heads)(from);
    if (own.size() > 0) {
      lower_.build.send(lower_.mesh.rank({to, c}), shard, home_rows({to, c}), own);
    }
    if (theirs.size() > 0) {
      lower_.build.receive(lower_.mesh.rank({from, c}), home, home_rows(at.seat), theirs, add);
    }
  }
}

void Ulysses::forward(Seat seat, ContextExchange& exchange) {
  Scope at = open(seat);
  const Usage inside = alone() ? Usage::input : Usage::saved;
  at.q = shard_buffer(at, Role::q, inside);
  at.own = {shard_buffer(at, Role::k, inside), shard_buffer(at, Role::v, inside)};
  at.o = shard_buffer(at, Role::o, alone() ? Usage::output : Usage::saved);
  at.lse = shard_buffer(at, Role::lse, Usage::saved);
  if (alone()) {
    exchange.forward(at);
    return;
  }
  at.ready = lower_.build.exchange(Stream::heads);
  to_heads(at, Role::q, home_buffer(seat, Role::q, Usage::input), at.q);
  to_heads(at, Role::k, home_buffer(seat, Role::k, Usage::input), at.own.k);
  to_heads(at, Role::v, home_buffer(seat, Role::v, Usage::input), at.own.v);
  const Index done = exchange.forward(at);
  lower_.build.exchange(Stream::heads);
  to_home(at, at.o, home_buffer(seat, Role::o, Usage::output), &Ulysses::query_heads);
  lower_.build.after(done);
}

void Ulysses::backward(Seat seat, ContextExchange& exchange) {
  BackwardScope at{open(seat)};
  at.q = shard_buffer(at, Role::q, Usage::input);
  at.own = {shard_buffer(at, Role::k, Usage::input), shard_buffer(at, Role::v, Usage::input)};
  at.o = shard_buffer(at, Role::o, Usage::input);
  at.lse = shard_buffer(at, Role::lse, Usage::input);
  at.dout = shard_buffer(at, Role::dout, alone() ? Usage::input : Usage::staging);
  const Usage result = alone() ? Usage::output : Usage::staging;
  at.dq = shard_buffer(at, Role::dq, result);
  at.gradient = {shard_buffer(at, Role::dk, result), shard_buffer(at, Role::dv, result)};
  at.delta = shard_buffer(at, Role::delta, Usage::staging);
  if (!alone()) {
    at.ready = lower_.build.exchange(Stream::heads);
    to_heads(at, Role::dout, home_buffer(seat, Role::dout, Usage::input), at.dout);
  }
  lower_.build.delta(at.o, at.dout, at.delta, at.query_heads);
  lower_.build.after(at.ready);
  const Finished finished = exchange.backward(at);
  if (!alone()) gradients_to_home(at, finished);
}

void Ulysses::gradients_to_home(const BackwardScope& at, const Finished& finished) {
  const Index dq = home_buffer(at.seat, Role::dq, Usage::output);
  const Index dk = home_buffer(at.seat, Role::dk, Usage::output);
  const Index dv = home_buffer(at.seat, Role::dv, Usage::output);
  lower_.build.exchange(Stream::heads);
  to_home(at, at.dq, dq, &Ulysses::query_heads);
  to_home(at, at.gradient.k, dk, &Ulysses::first_held);
  to_home(at, at.gradient.v, dv, &Ulysses::first_held);
  lower_.build.after(finished.query);
  lower_.build.after(finished.key);
  bool shared = false;
  for (int u = 0; u < lower_.mesh.ulysses(); ++u) shared = shared || also_held(u).size() > 0;
  if (!shared) return;
  // What the other holders of a head have comes after what the first one put there.
  lower_.build.exchange(Stream::heads);
  to_home(at, at.gradient.k, dk, &Ulysses::also_held, true);
  to_home(at, at.gradient.v, dv, &Ulysses::also_held, true);
}

}  // namespace hsap
