#include "simulate/predict/attention.hpp"

#include <algorithm>

#include "hsap/compile.hpp"
#include "hsap/simulate.hpp"
#include "schedule/builder.hpp"
#include "unit/simulate/support.hpp"

using namespace hsap;
using namespace hsap::testing;

TEST_CASE("What is kept are the backward inputs, and o at home where heads are split") {
  // One rank, 16 tokens, 2 heads of 8: q, k, v, o are 512 bytes each, lse 128.
  const auto backward = [](HeadRange heads) {
    ScheduleBuilder build(Pass::backward, 16, {2, 2, 8});
    const Range rows = build.intervals({{0, 16, 1}});
    build.begin_rank(rows);
    for (const Role role : {Role::q, Role::k, Role::v, Role::o}) {
      build.buffer(role, Usage::input, Dtype::bf16, heads, rows);
    }
    build.buffer(Role::lse, Usage::input, Dtype::fp32, heads, rows);
    build.buffer(Role::dout, Usage::input, Dtype::bf16, {0, 2}, rows);
    build.buffer(Role::dq, Usage::output, Dtype::bf16, {0, 2}, rows);
    return build.finish();
  };
  Simulation run;
  run.ranks.resize(1);
  run.ranks[0].peak_buffer_bytes = 4096;
  const Schedule whole = backward({0, 2});
  AttentionBuffers buffers = attention_buffers(nullptr, nullptr, &whole, &run)[0];
  CHECK(buffers.kept == 4 * 512 + 128);
  CHECK(buffers.transient == 4096 - buffers.kept);
  CHECK(buffers.tokens == 16);
  // Half the heads of a shard: its own o, and the 512 bytes of o at home.
  const Schedule split = backward({0, 1});
  buffers = attention_buffers(nullptr, nullptr, &split, &run)[0];
  CHECK(buffers.kept == 4 * 256 + 64 + 512);
  CHECK(buffers.transient == 4096 - (4 * 256 + 64));
}

TEST_CASE("ranks that need less of everything than another do not count") {
  const Cluster cluster = round_cluster(1, 4);
  Setting setting;
  setting.cluster = &cluster;
  setting.runtime.communicator_bytes = 1;
  setting.model.heads = {8, 8, 128};
  // A document of 1,000 tokens in equal shards: one rank speaks for all.
  const Batch even{{1000}};
  const Strategy ring{1, 4, Order::ulysses_inner, Layout::contiguous, Exchange::ring};
  const SimulatedAttention same = *simulate_attention(*problem_of(even, setting), ring, setting);
  CHECK(same.buffers.size() == 1);
  CHECK(same.rank_tokens == 250);
  // Memory is that of all ranks.
  const Batch odd{{700, 200, 103}};
  const Strategy p2p{1, 4, Order::ulysses_inner, Layout::balanced, Exchange::p2p};
  const Problem problem = *problem_of(odd, setting);
  const SimulatedAttention some = *simulate_attention(problem, p2p, setting);
  const auto run = [&](const Schedule& schedule) {
    return *simulate(schedule, cluster, setting.runtime);
  };
  const Schedule forward = *compile(problem, p2p, Pass::forward);
  const Schedule backward = *compile(problem, p2p, Pass::backward);
  const Simulation forward_run = run(forward);
  const Simulation backward_run = run(backward);
  const auto all = attention_buffers(&forward, &forward_run, &backward, &backward_run);
  REQUIRE(all.size() == 4);
  CHECK(some.buffers.size() < 4);
  const Division division{4, 1, *pipeline_of(setting)};
  CHECK(training_memory(setting, division, some.buffers).peak_bytes ==
        training_memory(setting, division, all).peak_bytes);
  std::int64_t most = 0;
  for (const AttentionBuffers& rank : all) most = std::max(most, rank.tokens);
  CHECK(most == some.rank_tokens);
}
