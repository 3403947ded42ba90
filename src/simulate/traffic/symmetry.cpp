#include "simulate/traffic/symmetry.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "schedule/kinds.hpp"
#include "simulate/traffic/alike.hpp"
#include "simulate/traffic/packing.hpp"
#include "simulate/traffic/traffic.hpp"

namespace hsap {
namespace {

/// First of the buffers of each rank, and one more, if those of each rank stand together in order;
/// nobody has looked at all of them.
std::vector<Index> first_buffers(const Schedule& schedule) {
  std::vector<Index> first{0};
  const auto all = schedule.buffers.begin();
  for (Rank rank = 1; rank < schedule.ranks(); ++rank) {
    const auto next =
        std::lower_bound(all + first.back(), schedule.buffers.end(), rank,
                         [](const Buffer& buffer, Rank r) { return buffer.rank < r; });
    first.push_back(static_cast<Index>(next - all));
  }
  first.push_back(static_cast<Index>(schedule.buffers.size()));
  return first;
}

bool stand_in_order(const Schedule& schedule) {
  Index next = 0;
  for (const Range& program : schedule.programs) {
    if (program.first != next) return false;
    next += program.count;
  }
  return true;
}

/// Compares what two ranks do.
class Comparison {
 public:
  Comparison(const Schedule& schedule, const Runtime& runtime)
      : schedule_(schedule), packs_(runtime.packs_transfers), first_(first_buffers(schedule)) {}

  [[nodiscard]] bool same(Rank a, Rank b) {
    a_ = a;
    b_ = b;
    const std::span<const Operation> ours = schedule_.program(a);
    const std::span<const Operation> theirs = schedule_.program(b);
    return same_buffers() &&
           std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(),
                      [&](const Operation& x, const Operation& y) { return same(x, y); });
  }

 private:
  [[nodiscard]] bool same_buffers() const {
    const Index count = first_[a_ + 1] - first_[a_];
    if (first_[b_ + 1] - first_[b_] != count) return false;
    for (Index i = 0; i < count; ++i) {
      const Buffer& x = schedule_.buffers[first_[a_] + i];
      const Buffer& y = schedule_.buffers[first_[b_] + i];
      if (x.rank != a_ || y.rank != b_ || x.usage != y.usage) return false;
      if (!alike(schedule_, x, y)) return false;
    }
    return true;
  }

  [[nodiscard]] bool same_buffer(Index x, Index y) const {
    return x - first_[a_] == y - first_[b_];
  }

  [[nodiscard]] bool same(const Operation& x, const Operation& y) const {
    const Index moved = schedule_.programs[b_].first - schedule_.programs[a_].first;
    return x.kind == y.kind && x.stream == y.stream && same_payload(x, y) &&
           std::ranges::equal(schedule_.dependencies_of(x), schedule_.dependencies_of(y),
                              [&](Index i, Index j) { return j - i == moved; }) &&
           std::ranges::equal(schedule_.operands_of(x), schedule_.operands_of(y),
                              [&](Index i, Index j) { return same_buffer(i, j); });
  }

  [[nodiscard]] bool same_payload(const Operation& x, const Operation& y) const {
    if (!communicates(x.kind)) return alike_but_buffers(schedule_, x, y);
    return x.kind == Kind::exchange &&
           std::ranges::equal(schedule_.transfers_of(x), schedule_.transfers_of(y),
                              [&](const Transfer& i, const Transfer& j) { return same(i, j); });
  }

  [[nodiscard]] bool same(const Transfer& x, const Transfer& y) const {
    return x.direction == y.direction && x.heads == y.heads && same_buffer(x.buffer, y.buffer) &&
           y.peer == shifted(x.peer) && ((is_whole(x) && is_whole(y)) || same_rows(x, y));
  }

  [[nodiscard]] bool same_rows(const Transfer& x, const Transfer& y) const {
    return alike(schedule_.intervals_of(x), schedule_.intervals_of(y)) &&
           (!packs_ || contiguous(schedule_, x) == contiguous(schedule_, y));
  }

  [[nodiscard]] Rank shifted(Rank peer) const {
    const Rank moved = peer + b_ - a_;
    return moved < schedule_.ranks() ? moved : moved - schedule_.ranks();
  }

  /// All rows of a buffer: the usual case, which is the same where the buffers are.
  [[nodiscard]] bool is_whole(const Transfer& transfer) const {
    const Buffer& buffer = schedule_.buffers[transfer.buffer];
    return transfer.intervals == buffer.intervals && transfer.heads == buffer.heads;
  }

  const Schedule& schedule_;
  bool packs_;
  std::vector<Index> first_;  ///< buffer, by rank
  Rank a_ = 0;
  Rank b_ = 0;
};

/// With whom a rank talks, in order.
struct Peers {
  std::vector<Rank> to;
  std::vector<Rank> from;
};

Peers peers_of(const Schedule& schedule, Rank rank) {
  Peers peers;
  for (const Operation& op : schedule.program(rank)) {
    if (op.kind != Kind::exchange) continue;
    for (const Transfer& transfer : schedule.transfers_of(op)) {
      std::vector<Rank>& list = transfer.direction == Direction::send ? peers.to : peers.from;
      const auto at = std::ranges::lower_bound(list, transfer.peer);
      if (at == list.end() || *at != transfer.peer) list.insert(at, transfer.peer);
    }
  }
  return peers;
}

/// Looks for ranks that can stand for all where every rank does what `period` before it does.
class Folding {
 public:
  Folding(const Schedule& schedule, const Machine& machine, Rank period, std::size_t limit)
      : machine_(machine), all_(schedule.ranks()), limit_(limit) {
    for (Rank rank = 0; rank < period; ++rank) peers_.push_back(peers_of(schedule, rank));
  }

  [[nodiscard]] bool fold(Rank ranks, std::vector<LinkId>& like) const {
    if (!pairs_stay_apart(ranks)) return false;
    like.assign(machine_.links.size(), Symmetry::no_link);
    for (Rank rank = 0; rank < ranks; ++rank) {
      for (const Rank peer : shifted(rank, &Peers::to)) {
        if (!fold_ways(ranks, rank, peer, like)) return false;
      }
    }
    return true;
  }

 private:
  [[nodiscard]] std::vector<Rank> shifted(Rank rank, std::vector<Rank> Peers::*list) const {
    const Rank period = static_cast<Rank>(peers_.size());
    std::vector<Rank> peers = peers_[rank % period].*list;
    for (Rank& peer : peers) peer = (peer + rank - rank % period) % all_;
    return peers;
  }

  /// Two peers of a rank must not be one, nor a peer the rank itself; who receives is sent to.
  [[nodiscard]] bool pairs_stay_apart(Rank ranks) const {
    for (Rank rank = 0; rank < ranks; ++rank) {
      for (const auto list : {&Peers::to, &Peers::from}) {
        std::vector<Rank> peers = shifted(rank, list);
        if (limit_ > 0 && peers.size() > limit_) return false;
        for (Rank& peer : peers) {
          if (peer != rank && peer % ranks == rank) return false;
          const auto back = shifted(peer, list == &Peers::to ? &Peers::from : &Peers::to);
          if (std::ranges::find(back, rank) == back.end()) return false;
          peer %= ranks;
        }
        std::ranges::sort(peers);
        if (std::ranges::adjacent_find(peers) != peers.end()) return false;
      }
    }
    return true;
  }

  /// The ways of one transfer and of its likes: the links at one place of them stand for each
  /// other, are as many as the ways, and none of them stands at two places.
  [[nodiscard]] bool fold_ways(Rank ranks, Rank from, Rank to, std::vector<LinkId>& like) const {
    const Route first = machine_.route(from, to);
    std::vector<LinkId> chosen;
    for (std::size_t hop = 0; hop < first.links.size(); ++hop) {
      const LinkId link = first.links[hop];
      const bool known = like[link] != Symmetry::no_link;
      chosen.push_back(known ? like[link] : link);
    }
    std::vector<std::vector<LinkId>> places(chosen.size());
    for (Rank moved = 0; moved < all_; moved += ranks) {
      const Route way = machine_.route(from + moved, (to + moved) % all_);
      if (way.latency_s != first.latency_s || way.ramp_bytes != first.ramp_bytes ||
          way.bandwidth_bytes_per_s != first.bandwidth_bytes_per_s ||
          way.inter_node != first.inter_node || way.links.size() != first.links.size()) {
        return false;
      }
      for (std::size_t hop = 0; hop < chosen.size(); ++hop) {
        places[hop].push_back(way.links[hop]);
      }
    }
    std::ranges::sort(chosen);
    if (std::ranges::adjacent_find(chosen) != chosen.end()) return false;
    return std::ranges::all_of(places, [&](auto& links) { return stand_together(links, like); });
  }

  /// Either all these links stand together already, or none has been used yet.
  [[nodiscard]] bool stand_together(std::vector<LinkId>& links, std::vector<LinkId>& like) const {
    const LinkId first = links.front();
    const LinkId chosen = like[first] == Symmetry::no_link ? first : like[first];
    const bool alike = std::ranges::all_of(links, [&](LinkId link) {
      return like[link] == like[first] && machine_.links[link] == machine_.links[first];
    });
    std::ranges::sort(links);
    if (!alike || std::ranges::adjacent_find(links) != links.end()) return false;
    for (const LinkId link : links) like[link] = chosen;
    return true;
  }

  const Machine& machine_;
  Rank all_;
  std::size_t limit_;
  std::vector<Peers> peers_;
};

/// How many ranks on everything repeats; all ranks if nothing does.
Rank period_of(const Schedule& schedule, Comparison comparison) {
  const Rank all = schedule.ranks();
  for (Rank period = 1; 2 * period <= all; ++period) {
    if (all % period != 0) continue;
    Rank rank = period;
    while (rank < all && comparison.same(rank % period, rank)) ++rank;
    if (rank == all) return period;
  }
  return all;
}

}  // namespace

Symmetry find_symmetry(const Schedule& schedule, const Machine& machine, const Runtime& runtime) {
  const Rank all = schedule.ranks();
  if (!runtime.duplex || runtime.entry != Runtime::Entry::at_once || !stand_in_order(schedule)) {
    return no_symmetry(schedule);
  }
  const Rank period = period_of(schedule, Comparison(schedule, runtime));
  const Folding folding(schedule, machine, period,
                        static_cast<std::size_t>(runtime.concurrent_peers));
  for (Rank ranks = period; 2 * ranks <= all; ranks += period) {
    Symmetry symmetry{ranks, {}};
    if (all % ranks == 0 && folding.fold(ranks, symmetry.like)) return symmetry;
  }
  return no_symmetry(schedule);
}

}  // namespace hsap
