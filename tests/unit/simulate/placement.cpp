#include "simulate/traffic/placement.hpp"

#include <algorithm>
#include <string>

#include "hsap/compile.hpp"
#include "hsap/simulate.hpp"
#include "simulate/predict/attention.hpp"
#include "support/programs.hpp"
#include "unit/simulate/support.hpp"

using namespace hsap;
using namespace hsap::test;
using namespace hsap::testing;

namespace {

using Replicas = std::vector<int>;

}  // namespace

TEST_CASE("replicas are alike that lie alike across borders of nodes and leaves") {
  const Cluster nodes = round_cluster(6, 4);
  CHECK(unlike_replicas(nodes, 2, 12) == Replicas{0});
  CHECK(unlike_replicas(nodes, 4, 6) == Replicas{0});
  CHECK(unlike_replicas(nodes, 8, 3) == Replicas{0});
  // 0-2, 3|45, 67|8, 9-11, and again.
  CHECK(unlike_replicas(nodes, 3, 8) == Replicas{0, 1, 2});
  // 0-3|45, 67|8-11, and again.
  CHECK(unlike_replicas(nodes, 6, 4) == Replicas{0, 1});
  ClusterSpec spec = round_spec(4);
  spec.nodes_per_leaf = 3;
  const Cluster leaves = *Cluster::build(spec, 6);
  // Two nodes of a leaf, the third with the first of the other, and two of that.
  CHECK(unlike_replicas(leaves, 8, 3) == Replicas{0, 1});
  CHECK(unlike_replicas(leaves, 12, 2) == Replicas{0});
}

TEST_CASE("the copy told about sits where it sits") {
  // Rank 0 sends to rank 2, in copies of three ranks on nodes of four GPUs.
  constexpr Token bytes = 1 << 21;
  Programs programs(bytes);
  for (Rank rank = 0; rank < 3; ++rank) {
    programs.rank();
    if (rank == 1) continue;
    const Index buffer = programs.buffer(bytes);
    programs.build.exchange(Stream::keys);
    if (rank == 0) programs.send(2, buffer);
    if (rank == 2) programs.receive(0, buffer);
  }
  const Schedule schedule = programs.build.finish();
  const Cluster cluster = round_cluster(3, 4);
  for (const int copy : {0, 1, 2, 3}) {
    const Simulation run = *simulate(schedule, cluster, {}, {.replicas = 4, .told = copy});
    const Route route = cluster.route(3 * copy, 3 * copy + 2);
    CHECK(route.inter_node == (copy == 1 || copy == 2));
    CHECK(run.ranks[0].bytes_sent == bytes);
    CHECK(run.ranks[0].bytes_sent_inter_node == (route.inter_node ? bytes : 0));
    CHECK(run.seconds >= bytes / route.bandwidth_bytes_per_s);
    CHECK(run.seconds < 1.2 * bytes / route.bandwidth_bytes_per_s);
  }
  CHECK(simulate(schedule, cluster, {}, {.replicas = 4, .told = 4}).error().kind ==
        ErrorKind::bad_input);
  CHECK(simulate_slowest(schedule, cluster, {}, {.replicas = 4})->copy == 1);
  CHECK(simulate_slowest(schedule, cluster, {}, {.replicas = 0}).error().kind ==
        ErrorKind::bad_input);
}

TEST_CASE("replicas wait for one whose group lies across nodes") {
  const Cluster cluster = round_cluster(3, 4);
  Setting setting;
  setting.cluster = &cluster;
  setting.model.heads = {6, 6, 128};
  for (const auto exchange : {Exchange::ring, Exchange::all_gather}) {
    for (const int tensor : {1, 2}) {
      setting.training.tensor_parallel = tensor;
      const Strategy strategy{1, tensor == 1 ? 3 : 6, Order::ulysses_inner, Layout::zigzag,
                              exchange};
      const Problem problem = *problem_of({{12288}}, setting);
      const SimulatedAttention told = *simulate_attention(problem, strategy, setting);
      // Every copy one by one.
      const Schedule schedule = *compile(problem, strategy, Pass::forward);
      const int copies = 12 / (strategy.ranks() * tensor);
      double slowest = 0;
      double first = 0;
      for (int copy = 0; copy < copies; ++copy) {
        const Simulation run =
            *simulate(schedule, cluster, setting.runtime, {false, copies, tensor, copy});
        slowest = std::max(slowest, run.seconds);
        if (copy == 0) first = run.seconds;
      }
      CHECK(told.times.forward_s == slowest);
      if (tensor == 2) continue;  // one copy
      CHECK(slowest > 1.5 * first);
      CHECK(told.times.bytes_sent_inter_node > 0);
      if (exchange == Exchange::all_gather) continue;
      CHECK(std::any_of(told.basis.begin(), told.basis.end(), [](const Basis& basis) {
        return basis.number == "messages between nodes";
      }));
    }
  }
}
