// Ranks that stand for others must tell the same about them as running them all.
#include <catch2/catch.hpp>
#include <random>

#include "hsap/compile.hpp"
#include "hsap/simulate.hpp"
#include "simulate/traffic/symmetry.hpp"

using namespace hsap;

namespace {

class Draw {
 public:
  explicit Draw(unsigned seed) : random_(seed) {}
  template <typename T>
  T one_of(const std::vector<T>& items) {
    return items[std::uniform_int_distribution<std::size_t>(0, items.size() - 1)(random_)];
  }

 private:
  std::mt19937 random_;
};

Cluster draw_cluster(Draw& draw) {
  Result<ClusterSpec> spec = load_cluster(draw.one_of<std::string>({"dgx-h100", "a800"}));
  REQUIRE(spec);
  spec->nodes_per_leaf = draw.one_of<int>({1, 2, 3, 32});
  spec->oversubscription = draw.one_of<double>({1, 4});
  Result<Cluster> cluster = Cluster::build(*spec, draw.one_of<int>({2, 4, 6}));
  REQUIRE(cluster);
  return *std::move(cluster);
}

Runtime draw_runtime(Draw& draw) {
  Result<Runtime> runtime = load_runtime(draw.one_of<std::string>({"hsap", "ideal"}));
  REQUIRE(runtime);
  runtime->packs_transfers = draw.one_of<int>({0, 1}) == 1;
  runtime->concurrent_peers = draw.one_of<int>({0, 2, 8});
  runtime->one_communication_stream = draw.one_of<int>({0, 0, 1}) == 1;
  runtime->stream_ordered = draw.one_of<int>({0, 0, 1}) == 1;
  runtime->overlap_share = draw.one_of<double>({1, 0.5});
  runtime->overlap_decay_s = draw.one_of<double>({0, 1e-3});
  return *std::move(runtime);
}

Strategy draw_strategy(Draw& draw, int ranks) {
  Strategy strategy;
  strategy.ulysses = draw.one_of<int>({1, 1, 2, 4, 8});
  strategy.context_parallel = ranks / strategy.ulysses;
  strategy.order = draw.one_of<Order>({Order::ulysses_inner, Order::context_inner});
  strategy.layout = draw.one_of<Layout>({Layout::contiguous, Layout::zigzag, Layout::striped});
  strategy.exchange =
      draw.one_of<Exchange>({Exchange::ring, Exchange::ring, Exchange::double_ring, Exchange::p2p});
  return strategy;
}

void same(double a, double b) { REQUIRE(a == Approx(b).epsilon(1e-9).margin(1e-12)); }

void same(const Simulation& a, const Simulation& b) {
  same(a.seconds, b.seconds);
  REQUIRE(a.ranks.size() == b.ranks.size());
  for (std::size_t rank = 0; rank < a.ranks.size(); ++rank) {
    same(a.ranks[rank].finish_s, b.ranks[rank].finish_s);
    same(a.ranks[rank].compute_s, b.ranks[rank].compute_s);
    same(a.ranks[rank].communication_s, b.ranks[rank].communication_s);
    same(a.ranks[rank].exposed_communication_s, b.ranks[rank].exposed_communication_s);
    same(a.ranks[rank].host_s, b.ranks[rank].host_s);
    REQUIRE(a.ranks[rank].bytes_sent == b.ranks[rank].bytes_sent);
    REQUIRE(a.ranks[rank].bytes_sent_inter_node == b.ranks[rank].bytes_sent_inter_node);
    REQUIRE(a.ranks[rank].peak_buffer_bytes == b.ranks[rank].peak_buffer_bytes);
  }
  REQUIRE(a.link_busy_bytes.size() == b.link_busy_bytes.size());
  for (std::size_t link = 0; link < a.link_busy_bytes.size(); ++link) {
    same(a.link_busy_bytes[link], b.link_busy_bytes[link]);
  }
}

}  // namespace

TEST_CASE("Ranks that stand for others tell the truth about them") {
  Draw draw(5);
  int folded = 0;
  for (int i = 0; i < 1000; ++i) {
    const Cluster cluster = draw_cluster(draw);
    const Runtime runtime = draw_runtime(draw);
    const Strategy strategy = draw_strategy(draw, cluster.gpus());
    const Pass pass = draw.one_of<Pass>({Pass::forward, Pass::backward});
    const Problem problem{.batch = {{cluster.gpus() * draw.one_of<Token>({96, 2048})}},
                          .mask = {.kind = Mask::Kind::full},
                          .heads = {16, 8, 64}};
    const Result<Schedule> schedule = compile(problem, strategy, pass);
    if (!schedule) continue;
    const Machine machine = machine_of(cluster);
    const Rank ranks = find_symmetry(*schedule, machine, runtime).ranks;
    REQUIRE(schedule->ranks() % ranks == 0);
    if (ranks == schedule->ranks()) continue;
    ++folded;
    const Result<Simulation> few = simulate(*schedule, cluster, runtime);
    // A timeline tells every rank's operations, so all of them run.
    const Result<Simulation> all = simulate(*schedule, cluster, runtime, {.timeline = true});
    REQUIRE(few);
    REQUIRE(all);
    same(*few, *all);
    REQUIRE(few->events == all->events);
  }
  REQUIRE(folded > 200);
}

TEST_CASE("A causal mask gives every rank work of its own") {
  Result<ClusterSpec> spec = load_cluster("dgx-h100");
  REQUIRE(spec);
  const Result<Cluster> cluster = Cluster::build(*spec, 2);
  REQUIRE(cluster);
  Strategy strategy;
  strategy.context_parallel = 16;
  strategy.exchange = Exchange::ring;
  const Result<Schedule> schedule =
      compile({.batch = {{16 * 4096}}, .mask = {}, .heads = {16, 8, 64}}, strategy, Pass::forward);
  REQUIRE(schedule);
  const Result<Runtime> runtime = load_runtime("hsap");
  REQUIRE(find_symmetry(*schedule, machine_of(*cluster), *runtime).ranks == 16);
}
