#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "hsap/cluster.hpp"
#include "hsap/runtime.hpp"
#include "hsap/simulate.hpp"
#include "must.hpp"
#include "scenarios.hpp"
#include "simulate/network/network.hpp"
#include "stopwatch.hpp"

namespace hsap::bench {
namespace {

/// One GPU and one NIC in a node, all nodes under one switch: a link out and a link in for each
/// rank.
Cluster star(int ranks) {
  using Kind = ClusterSpec::DeviceKind;
  ClusterSpec spec = must(load_cluster("dgx-h100"));
  spec.devices = {{"gpu0", Kind::gpu}, {"nic0", Kind::nic}};
  spec.links = {{0, 1, LinkClass::pcie, 1}};
  spec.nodes_per_leaf = ranks;
  return must(Cluster::build(spec, ranks));
}

/// An exchange of every rank with every other one: its sends, then its receives. Row numbers run
/// through all pairs, so that both sides name the same rows.
class ExchangeBuilder {
 public:
  explicit ExchangeBuilder(const AllToAll& scenario) : ranks_(scenario.ranks) {
    begins_.push_back(0);
    for (int from = 0; from < ranks_; ++from) {
      for (int to = 0; to < ranks_; ++to) {
        const std::uint64_t rows = from == to ? 0 : rows_between(scenario, from, to);
        begins_.push_back(begins_.back() + static_cast<Token>(rows));
      }
    }
    schedule_.tokens = begins_.back();
    schedule_.heads = {1, 1, static_cast<int>(row_bytes / 2)};
  }

  Schedule build() {
    for (Rank rank = 0; rank < ranks_; ++rank) add_rank(rank);
    return std::move(schedule_);
  }

 private:
  [[nodiscard]] Interval rows(Rank from, Rank to) const {
    const std::size_t pair = static_cast<std::size_t>(from) * ranks_ + to;
    return {begins_[pair], begins_[pair + 1]};
  }

  void add_rank(Rank rank) {
    const Index first = size(schedule_.transfers);
    const std::size_t row = static_cast<std::size_t>(rank) * ranks_;
    const Index own = size(schedule_.intervals);
    schedule_.intervals.push_back({begins_[row], begins_[row + ranks_]});
    const Index sent = add_buffer(rank, Usage::input, {own, 1});
    const Index received = add_buffer(rank, Usage::staging, {own + ranks_, Index(ranks_ - 1)});
    for (const Direction direction : {Direction::send, Direction::receive}) {
      const bool sends = direction == Direction::send;
      for (Rank peer = 0; peer < ranks_; ++peer) {
        if (peer == rank) continue;
        schedule_.transfers.push_back({.peer = peer,
                                       .buffer = sends ? sent : received,
                                       .intervals = {size(schedule_.intervals), 1},
                                       .heads = {0, 1},
                                       .direction = direction});
        schedule_.intervals.push_back(sends ? rows(rank, peer) : rows(peer, rank));
      }
    }
    schedule_.programs.push_back({size(schedule_.operations), 1});
    schedule_.operations.push_back({.rank = rank,
                                    .kind = Kind::exchange,
                                    .stream = Stream::keys,
                                    .heads = {0, 1},
                                    .payload = {first, size(schedule_.transfers) - first},
                                    .operands = {},
                                    .dependencies = {}});
    schedule_.home.push_back({});
  }

  Index add_buffer(Rank rank, Usage usage, Range intervals) {
    schedule_.buffers.push_back({.rank = rank,
                                 .role = Role::q,
                                 .usage = usage,
                                 .dtype = Dtype::bf16,
                                 .heads = {0, 1},
                                 .intervals = intervals});
    return size(schedule_.buffers) - 1;
  }

  template <typename T>
  static Index size(const std::vector<T>& items) {
    return static_cast<Index>(items.size());
  }

  Rank ranks_;
  std::vector<Token> begins_;  ///< [from * ranks + to], and the end of all
  Schedule schedule_;
};

/// Starts every transfer in `network`, tagged from * ranks + to.
void start_all(Network& network, const AllToAll& scenario) {
  const int ranks = scenario.ranks;
  for (int from = 0; from < ranks; ++from) {
    for (int to = 0; to < ranks; ++to) {
      if (from == to) continue;
      const LinkId route[] = {static_cast<LinkId>(from), static_cast<LinkId>(ranks + to)};
      const auto bytes = static_cast<double>(rows_between(scenario, from, to) * row_bytes);
      network.start(0,
                    {route, nic_bytes_per_s, bytes, static_cast<std::uint32_t>(from * ranks + to)});
    }
  }
}

Network make_network(const AllToAll& scenario, const NetworkOptions& options) {
  return Network(std::vector<double>(2 * static_cast<std::size_t>(scenario.ranks), nic_bytes_per_s),
                 options);
}

/// Ends all transfers; tells `ended` the time and tags of those that end together.
template <typename Ended>
void drain(Network& network, const Ended& ended) {
  std::vector<std::uint32_t> tags;
  for (double now = 0; std::isfinite(now = network.next_finish(now));) {
    tags.clear();
    network.finish(now, tags);
    ended(now, tags);
  }
}

/// When each transfer ends, by tag.
std::vector<double> ends_of(const AllToAll& scenario, const NetworkOptions& options) {
  Network network = make_network(scenario, options);
  start_all(network, scenario);
  const auto ranks = static_cast<std::size_t>(scenario.ranks);
  std::vector<double> ends(ranks * ranks, 0.0);
  drain(network, [&](double now, const std::vector<std::uint32_t>& tags) {
    for (const std::uint32_t tag : tags) ends[tag] = now;
  });
  return ends;
}

double last(const std::vector<double>& ends) { return *std::max_element(ends.begin(), ends.end()); }

}  // namespace

Figures run_hsap(const AllToAll& scenario) {
  const Runtime runtime = must(load_runtime("hsap"));
  Stopwatch watch;
  const Cluster cluster = star(scenario.ranks);
  const Schedule schedule = ExchangeBuilder(scenario).build();
  Figures figures;
  figures.schedule_bytes = schedule.footprint_bytes();
  figures.prepare_s = watch.lap();
  figures.simulated_s = must(simulate(schedule, cluster, runtime)).seconds;
  figures.run_s = watch.lap();
  return figures;
}

Figures run_network(const AllToAll& scenario) {
  Figures figures;
  Stopwatch watch;
  Network network = make_network(scenario, {});
  start_all(network, scenario);
  figures.prepare_s = watch.lap();
  drain(network, [&](double now, const auto&) { figures.simulated_s = now; });
  figures.run_s = watch.lap();
  return figures;
}

Figures run_exact(const AllToAll& scenario) {
  Figures figures;
  Stopwatch watch;
  const std::vector<double> right = ends_of(scenario, {.window = 0, .waiting_share = 0});
  figures.run_s = watch.lap();
  figures.simulated_s = last(right);
  const std::vector<double> close = ends_of(scenario, {});
  figures.last_off = last(close) / last(right) - 1;
  const int ranks = scenario.ranks;
  for (std::size_t i = 0; i < right.size(); ++i) {
    if (right[i] > 0) figures.mean_off += std::abs(close[i] / right[i] - 1);
  }
  figures.mean_off /= static_cast<double>(ranks) * (ranks - 1);
  return figures;
}

}  // namespace hsap::bench
