#include "hsap/cluster.hpp"
#include "hsap/compile.hpp"
#include "hsap/cost.hpp"
#include "hsap/runtime.hpp"
#include "hsap/simulate.hpp"
#include "must.hpp"
#include "scenarios.hpp"
#include "stopwatch.hpp"

namespace hsap::bench {
namespace {

constexpr Token tokens_per_rank = 8192;
constexpr Heads heads{32, 8, 128};

}  // namespace

Ring make_ring(int ranks) {
  const ClusterSpec spec = must(load_cluster("dgx-h100"));
  const Slice slice{{0, tokens_per_rank}, {0, tokens_per_rank}, SliceKind::full};
  const auto rows = static_cast<std::uint64_t>(tokens_per_rank) * 2;  // of keys and of values
  return {.ranks = ranks,
          .kernel_s =
              attention_seconds({&slice, 1}, heads.query, heads.dim, Pass::forward, spec.device),
          .message_bytes = rows * heads.key_value * heads.dim * 2};
}

Figures run_hsap(const Ring& ring) {
  const Problem problem{.batch = {{tokens_per_rank * ring.ranks}},
                        .mask = {.kind = Mask::Kind::full},
                        .heads = heads};
  Strategy strategy;
  strategy.context_parallel = ring.ranks;
  strategy.layout = Layout::contiguous;
  strategy.exchange = Exchange::ring;
  const Runtime runtime = must(load_runtime("hsap"));
  Stopwatch watch;
  const Cluster cluster =
      must(Cluster::build(must(load_cluster("dgx-h100")), ring.ranks / ring_node));
  const Schedule schedule = must(compile(problem, strategy, Pass::forward));
  Figures figures;
  figures.schedule_bytes = schedule.footprint_bytes();
  figures.prepare_s = watch.lap();
  figures.simulated_s = must(simulate(schedule, cluster, runtime)).seconds;
  figures.run_s = watch.lap();
  return figures;
}

}  // namespace hsap::bench
