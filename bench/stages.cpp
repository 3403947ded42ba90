// Times each stage of a prediction on its own: compile, verify, simulate. Run `bench/stages` for
// the table; counters give operations of the schedule and events of the simulation, so that rates
// compare across machines better than seconds do.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "hsap/cluster.hpp"
#include "hsap/compile.hpp"
#include "hsap/runtime.hpp"
#include "hsap/simulate.hpp"
#include "hsap/trace.hpp"
#include "hsap/verify.hpp"
#include "must.hpp"

namespace {

using namespace hsap;
using hsap::bench::must;

Batch one_document(Token tokens) { return {{tokens}}; }

Batch packed(Token tokens) {
  const Trace trace = must(load_trace("wlb-llm"));
  return must(sample(trace, {.context = tokens})).front();
}

Problem llama3_8b_attention(Batch batch) {
  return {.batch = std::move(batch), .mask = {}, .heads = {32, 8, 128}};
}

Strategy make_strategy(int ulysses, int context_parallel, Layout layout, Exchange exchange) {
  Strategy strategy;
  strategy.ulysses = ulysses;
  strategy.context_parallel = context_parallel;
  strategy.layout = layout;
  strategy.exchange = exchange;
  return strategy;
}

struct Workload {
  Problem problem;
  Strategy strategy;
};

/// Planning one packed batch of 256K for 32 GPUs: what a data loader would wait for.
Workload packed_32() {
  return {llama3_8b_attention(packed(256 << 10)),
          make_strategy(8, 4, Layout::balanced, Exchange::p2p)};
}
Workload p2p_32() {
  return {llama3_8b_attention(packed(256 << 10)),
          make_strategy(1, 32, Layout::balanced, Exchange::p2p)};
}
Workload ring_1024() {
  return {llama3_8b_attention(one_document(8 << 20)),
          make_strategy(1, 1024, Layout::zigzag, Exchange::ring)};
}
Workload ring_128() {
  return {llama3_8b_attention(one_document(1 << 20)),
          make_strategy(1, 128, Layout::zigzag, Exchange::ring)};
}
Workload p2p_1024_packed() {
  return {llama3_8b_attention(packed(8 << 20)),
          make_strategy(1, 1024, Layout::balanced, Exchange::p2p)};
}

void compile_stage(benchmark::State& state, Workload (*make)()) {
  const Workload workload = make();
  std::size_t operations = 0;
  for (auto unused : state) {
    const Schedule schedule = must(compile(workload.problem, workload.strategy, Pass::forward));
    operations = schedule.operations.size();
  }
  state.counters["operations"] = static_cast<double>(operations);
}

void verify_stage(benchmark::State& state, Workload (*make)()) {
  const Workload workload = make();
  const Schedule schedule = must(compile(workload.problem, workload.strategy, Pass::forward));
  for (auto unused : state) {
    if (verify(schedule, workload.problem)) std::abort();
  }
  state.counters["operations"] = static_cast<double>(schedule.operations.size());
}

void simulate_stage(benchmark::State& state, Workload (*make)(), int nodes) {
  const Workload workload = make();
  const Cluster cluster = must(Cluster::build(must(load_cluster("dgx-h100")), nodes));
  const Runtime runtime = must(load_runtime("hsap"));
  const Schedule schedule = must(compile(workload.problem, workload.strategy, Pass::forward));
  std::uint64_t events = 0;
  for (auto unused : state) events = must(simulate(schedule, cluster, runtime)).events;
  state.counters["events"] = static_cast<double>(events);
  state.counters["schedule_MB"] = static_cast<double>(schedule.footprint_bytes()) / 1e6;
}

BENCHMARK_CAPTURE(compile_stage, packed_256K_on_32, packed_32)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compile_stage, p2p_256K_on_32, p2p_32)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compile_stage, p2p_8M_on_1024, p2p_1024_packed)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compile_stage, ring_8M_on_1024, ring_1024)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(verify_stage, packed_256K_on_32, packed_32)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(verify_stage, ring_1M_on_128, ring_128)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(simulate_stage, packed_256K_on_32, packed_32, 4)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(simulate_stage, p2p_256K_on_32, p2p_32, 4)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(simulate_stage, p2p_8M_on_1024, p2p_1024_packed, 128)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(simulate_stage, ring_8M_on_1024, ring_1024, 128)
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);

}  // namespace

BENCHMARK_MAIN();
