// Times the network alone on all-to-alls, where it has most to do: every rank sends to every other
// one at once, all transfers share links, and with uneven sizes every end changes rates. Run
// `bench/network` for the table; `end_s` is the answer, to compare with other simulators.
#include "simulate/network/network.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <limits>
#include <random>

namespace {

using namespace hsap;

constexpr double bytes_per_s = 50e9;
constexpr double bytes = 1e6;

/// Each rank has a link out and a link in. Sizes differ by up to `jitter` from the mean.
void start_all(Network& network, LinkId ranks, double jitter) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> size(1 - jitter, 1 + jitter);
  for (LinkId from = 0; from < ranks; ++from) {
    for (LinkId to = 0; to < ranks; ++to) {
      if (from == to) continue;
      const std::array<LinkId, 2> route{from, ranks + to};
      network.start(0, {route, bytes_per_s, bytes * size(random), 0});
    }
  }
}

double run(Network& network) {
  constexpr double never = std::numeric_limits<double>::infinity();
  std::vector<std::uint32_t> tags;
  double end_s = 0;
  for (double next = network.next_finish(0); next < never; next = network.next_finish(end_s)) {
    end_s = next;
    tags.clear();
    network.finish(end_s, tags);
  }
  return end_s;
}

void all_to_all(benchmark::State& state, double jitter, const NetworkOptions& options) {
  const LinkId ranks = static_cast<LinkId>(state.range(0));
  double end_s = 0;
  for (auto unused : state) {
    Network network(std::vector<double>(2 * std::size_t{ranks}, bytes_per_s), options);
    start_all(network, ranks, jitter);
    end_s = run(network);
  }
  state.counters["flows"] = static_cast<double>(ranks) * (ranks - 1);
  state.counters["end_s"] = end_s;
}

const NetworkOptions exact{.window = 0, .waiting_share = 0};

BENCHMARK_CAPTURE(all_to_all, even, 0.0, {})
    ->RangeMultiplier(2)
    ->Range(64, 1024)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(all_to_all, uneven, 0.05, {})
    ->RangeMultiplier(2)
    ->Range(64, 1024)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(all_to_all, uneven_exact, 0.05, exact)
    ->Arg(64)
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);

}  // namespace

BENCHMARK_MAIN();
