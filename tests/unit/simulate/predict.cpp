#include "hsap/predict.hpp"

#include <algorithm>

#include "hsap/compile.hpp"
#include "unit/simulate/support.hpp"

using namespace hsap;
using namespace hsap::testing;

namespace {

struct Case {
  Cluster cluster;
  Setting setting;

  explicit Case(int nodes = 2, int gpus_per_node = 4)
      : cluster(round_cluster(nodes, gpus_per_node)) {
    setting.cluster = &cluster;
    setting.model.heads = {8, 4, 128};
    setting.runtime.concurrent_peers = 0;
  }
  [[nodiscard]] BatchPrediction of(const Batch& batch, const Strategy& strategy) const {
    Result<BatchPrediction> result = predict(batch, strategy, setting);
    if (!result) FAIL(result.error().text());
    return *std::move(result);
  }
};

Strategy ring(int ulysses, int context, Layout layout = Layout::zigzag) {
  Strategy strategy;
  strategy.ulysses = ulysses;
  strategy.context_parallel = context;
  strategy.layout = layout;
  return strategy;
}

}  // namespace

TEST_CASE("One rank: the kernel and nothing else") {
  // 8 heads x 16,384^2 / 2 causal pairs x 512 FLOP at 1 PFLOP/s, and the diagonal's half tiles.
  Case given(1, 1);
  given.setting.passes = Passes::forward;
  const BatchPrediction out = given.of({{16384}}, ring(1, 1));
  const double flop = 8.0 * 16384 * 16385 / 2 * 512;
  CHECK(out.bound.compute_s == Approx(flop / 1e15));
  CHECK(out.bound.total_s == out.bound.compute_s);
  CHECK(out.attention.forward_s == Approx(flop / 1e15 * 129 / 128).epsilon(0.002));
  CHECK(out.attention.compute_s == out.attention.forward_s);
  CHECK(out.attention.backward_s == 0);
  CHECK(out.attention.bytes_sent == 0);
  CHECK(out.attention.imbalance == 1);
  CHECK(out.limit == "compute: kernels run 100 % of the attention time");
}

TEST_CASE("Passes are simulated one by one and add up") {
  Case given;
  const auto of = [&](Passes passes) {
    given.setting.passes = passes;
    return given.of({{8192, 4096}}, ring(2, 4));
  };
  const BatchPrediction forward = of(Passes::forward);
  const BatchPrediction backward = of(Passes::backward);
  const BatchPrediction both = of(Passes::both);
  CHECK(both.attention.forward_s == forward.attention.forward_s);
  CHECK(both.attention.backward_s == backward.attention.backward_s);
  CHECK(both.attention.compute_s ==
        Approx(forward.attention.compute_s + backward.attention.compute_s));
  CHECK(both.attention.bytes_sent == forward.attention.bytes_sent + backward.attention.bytes_sent);
  CHECK(both.bound.compute_s == Approx(forward.bound.compute_s + backward.bound.compute_s));
  CHECK(both.events == forward.events + backward.events);
  CHECK(both.tokens == 12288);
  CHECK(both.documents == 2);
}

TEST_CASE("A step needs a model with layers and both passes") {
  Case given;
  CHECK_FALSE(given.of({{4096}}, ring(2, 2)).step);
  given.setting.model = llama3_8b();
  const BatchPrediction out = given.of({{4096}}, ring(2, 2));
  REQUIRE(out.step);
  // Two replicas of four ranks: twice the tokens a step.
  CHECK(out.step->tokens_per_s == Approx(2 * 4096 / out.step->seconds));
  CHECK(out.limit.find("largest part of the step") != std::string::npos);
  given.setting.passes = Passes::forward;
  CHECK_FALSE(given.of({{4096}}, ring(2, 2)).step);
}

TEST_CASE("Ulysses moves tokens x heads x head_dim x (U - 1) / U of q, k, v and o") {
  Case given(1, 4);
  given.setting.passes = Passes::forward;
  const BatchPrediction out = given.of({{4096}}, ring(4, 1));
  CHECK(out.attention.bytes_sent == 4096LL * 128 * 2 * (8 + 4 + 4 + 8) * 3 / 4);
  CHECK(out.attention.bytes_sent_inter_node == 0);
}

TEST_CASE("An unbalanced layout is named as the limit") {
  Case given(1, 4);
  given.setting.passes = Passes::forward;
  // Contiguous causal quarters hold 1, 3, 5 and 7 of 16 parts of the pairs: 7 against a mean of 4.
  const BatchPrediction out = given.of({{65536}}, ring(1, 4, Layout::contiguous));
  CHECK(out.attention.imbalance == Approx(7.0 / 4).epsilon(0.02));
  CHECK(out.limit.find("imbalance: the slowest rank computes 1.7") == 0);
}

TEST_CASE("A slow network is named as the limit, with its link") {
  ClusterSpec spec = round_spec(1);
  spec.curves[static_cast<int>(LinkClass::nic)].bandwidth_bytes_per_s = 1e8;
  Result<Cluster> cluster = Cluster::build(spec, 4);
  REQUIRE(cluster);
  Case given;
  given.setting.cluster = &*cluster;
  const BatchPrediction out = given.of({{8192}}, ring(1, 4));
  INFO(out.limit);
  CHECK(out.limit.find("communication: exposed") == 0);
  CHECK(out.limit.find("(nic)") != std::string::npos);
  CHECK(out.bound.total_s == out.bound.inter_node_s);
}

TEST_CASE("The bound asks for traffic only from documents that do not fit a place") {
  // 8 ranks of 1,024 tokens on 2 nodes. Documents of 1,024 fit a rank; one of 4,096 fits a node.
  const Case given;
  const auto of = [&](const Batch& batch) { return given.of(batch, ring(1, 8)).bound; };
  const Bound small = of({std::vector<Token>(8, 1024)});
  CHECK(small.intra_node_s == 0);
  CHECK(small.inter_node_s == 0);
  const Bound medium = of({{4096, 4096}});
  CHECK(medium.intra_node_s > 0);
  CHECK(medium.inter_node_s == 0);
  // 8,192 tokens, nodes of at most 4,104: (8,192 - 4,104) cross at each, 4 x 2 x 128 numbers of 2
  // bytes, both ways over 4 NICs of 10 GB/s; the same again backward.
  const Bound large = of({{8192}});
  CHECK(large.inter_node_s == Approx(2 * 2 * 4088.0 * 2048 / (2 * 2 * 40e9)));
}

TEST_CASE("Tensor parallelism splits the heads, and its slices share the NICs") {
  // Two nodes of two GPUs. P = 2 with T = 2 crosses nodes in both slices at once: each has half the
  // heads and its own NIC, so the exchange takes half the time of T = 1 on the same two GPUs.
  ClusterSpec spec = round_spec(2);
  spec.device.forward.flop_per_s = 1e30;
  Result<Cluster> cluster = Cluster::build(spec, 2);
  REQUIRE(cluster);
  Case given;
  given.setting.cluster = &*cluster;
  given.setting.passes = Passes::forward;
  given.setting.training.tensor_parallel = 2;
  const Result<Problem> problem = problem_of({{4096}}, given.setting);
  REQUIRE(problem);
  CHECK(problem->heads == Heads{4, 2, 128});
  const BatchPrediction out = given.of({{4096}}, ring(1, 2));
  // k and v of 2,048 tokens in 2 heads, of both slices.
  CHECK(out.attention.bytes_sent == 2 * 2 * 2048LL * 2 * 2 * 128 * 2);
  // Each of the two nodes needs the other's half at 10 GB/s a NIC, in or as well out.
  CHECK(out.bound.inter_node_s == Approx(2 * 2048.0 * 2 * 2 * 128 * 2 / (2 * 20e9)).epsilon(1e-2));
  CHECK(out.attention.bytes_sent_inter_node == out.attention.bytes_sent);
  CHECK(out.attention.communication_s >= 2048.0 * 2 * 2 * 128 * 2 / 10e9);
}

TEST_CASE("A node's memory holds what its GPUs offload, or the batch does not fit") {
  Case given(1, 8);
  given.setting.model = llama3_8b();
  given.setting.training.checkpointing = Training::Checkpointing::full;
  given.setting.training.offload = Training::Offload::activations;
  // 30 layers' inputs of 8,192 tokens: 2 GB on the node.
  const BatchPrediction out = given.of({{8192}}, ring(1, 8));
  CHECK(out.memory.offloaded_bytes == 30 * 1024 * 8192);
  CHECK(std::any_of(out.basis.begin(), out.basis.end(),
                    [](const Basis& basis) { return basis.number == "copies to the host"; }));
  ClusterSpec spec = round_spec(8);
  spec.host_memory_bytes = 8 * 30 * 1024 * 8192 - 1;
  given.cluster = *Cluster::build(spec, 1);
  const Result<BatchPrediction> refused = predict(Batch{{8192}}, ring(1, 8), given.setting);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::infeasible);
  CHECK(refused.error().text() == "offloads 2.01 GB a node, whose memory has 2.01 GB");
}

TEST_CASE("Key/value heads are replicated where tensor parallelism exceeds them") {
  Case given(1, 8);
  given.setting.training.tensor_parallel = 8;
  const Result<Problem> problem = problem_of({{4096}}, given.setting);
  REQUIRE(problem);
  CHECK(problem->heads == Heads{1, 1, 128});
}

TEST_CASE("Tensor parallelism does not split a group of query heads") {
  // Of 12 query heads on 3 key/value heads, 2 GPUs would take 6 each: 4 of one group and 2 of the
  // next.
  Case given;
  given.setting.training.tensor_parallel = 2;
  given.setting.model.heads = {12, 3, 128};
  CHECK(problem_of({{64}}, given.setting).error().message ==
        "tensor parallelism over 2 GPUs splits groups of query heads");
}

TEST_CASE("Degrees that do not fit are refused") {
  Case given;  // 8 GPUs
  CHECK(*replicas_of(4, given.setting) == 2);
  CHECK(*replicas_of(8, given.setting) == 1);
  for (const int ranks : {0, 3, 16}) {
    const Result<int> replicas = replicas_of(ranks, given.setting);
    REQUIRE_FALSE(replicas);
    CHECK(replicas.error().kind == ErrorKind::bad_input);
    CHECK(replicas.error().expected == "a divisor of 8 GPUs");
  }
  given.setting.training.tensor_parallel = 8;  // nodes have four
  CHECK(replicas_of(1, given.setting).error().expected == "a divisor of 4 GPUs");
  given.setting.training.tensor_parallel = 4;
  CHECK(*replicas_of(2, given.setting) == 1);
  given.setting.model.heads = {6, 6, 128};
  CHECK(problem_of({{64}}, given.setting).error().kind == ErrorKind::infeasible);
  CHECK(predict({{0}}, ring(1, 2), given.setting).error().kind == ErrorKind::bad_input);
}

TEST_CASE("Stages share the GPUs, and interleaved ones take batches in rounds") {
  Case given;  // 8 GPUs
  given.setting.model = llama3_8b();
  Training& training = given.setting.training;
  training.pipeline_parallel = 2;
  CHECK(*replicas_of(2, given.setting) == 2);
  CHECK(*replicas_of(4, given.setting) == 1);
  CHECK(replicas_of(8, given.setting).error().message ==
        "ulysses x context_parallel x tensor_parallel x pipeline_parallel must divide the GPUs");
  training.virtual_stages = 4;
  training.global_batch = 12;
  CHECK(sharing_of(1, 2, training)->accumulation == 6);
  CHECK(sharing_of(1, 4, training).error().text() ==
        "3 batches a replica, where interleaved stages take a multiple of 2");
  training.pipeline_parallel = 3;
  CHECK(replicas_of(1, given.setting).error().kind == ErrorKind::infeasible);
  training = {};
  training.virtual_stages = 2;
  CHECK(replicas_of(1, given.setting).error().kind == ErrorKind::bad_input);
}

TEST_CASE("A pipeline's stages compute at once, as replicas do") {
  Case given;  // 8 GPUs in two nodes
  given.setting.model = llama3_8b();
  given.setting.training.global_batch = 8;
  const BatchPrediction replicas = *predict({{4096}}, ring(1, 2), given.setting);
  given.setting.training.pipeline_parallel = 2;
  const BatchPrediction stages = *predict({{4096}}, ring(1, 2), given.setting);
  CHECK(stages.attention.forward_s == replicas.attention.forward_s);
  CHECK(stages.attention.backward_s == replicas.attention.backward_s);
  CHECK(stages.memory.peak_bytes < replicas.memory.peak_bytes);
}

TEST_CASE("Replicas share a global batch evenly or not at all") {
  Case given;  // 8 GPUs
  CHECK(sharing_of(1, 4, given.setting.training)->accumulation == 1);
  given.setting.training.global_batch = 12;
  CHECK(sharing_of(1, 4, given.setting.training)->accumulation == 3);
  CHECK(sharing_of(1, 1, given.setting.training)->accumulation == 12);
  CHECK(sharing_of(1, 8, given.setting.training).error().kind == ErrorKind::infeasible);
  CHECK(predict({{64}}, ring(1, 1), given.setting).error().text() ==
        "8 replicas cannot share a global batch of 12 evenly");
}

TEST_CASE("More documents cut work: the same tokens in halves cost half the pairs") {
  Case given(1, 4);
  const BatchPrediction one = given.of({{262144}}, ring(1, 4));
  const BatchPrediction two = given.of({{131072, 131072}}, ring(1, 4, Layout::per_document_zigzag));
  CHECK(two.attention.compute_s / one.attention.compute_s == Approx(0.5).epsilon(0.05));
}

TEST_CASE("Layers with a window count by their share, on the same tokens") {
  Case given;
  given.setting.model = llama3_8b();
  const Batch batch{{9000, 6000, 1384}};
  const Strategy strategy = ring(2, 4);
  const BatchPrediction wide = given.of(batch, strategy);
  given.setting.mask = {Mask::Kind::sliding, 512, 0, 0};
  const BatchPrediction narrow = given.of(batch, strategy);
  given.setting.mask = {};
  given.setting.model.window = 512;
  given.setting.model.window_layers = 24;  // of 32
  const BatchPrediction both = given.of(batch, strategy);
  const auto mean = [&](auto number_of) {
    return Approx(0.25 * number_of(wide) + 0.75 * number_of(narrow));
  };
  const auto check = [&](auto number_of) { CHECK(number_of(both) == mean(number_of)); };
  check([](const auto& out) { return out.attention.forward_s; });
  check([](const auto& out) { return out.attention.backward_s; });
  check([](const auto& out) { return out.attention.compute_s; });
  check([](const auto& out) { return double(out.attention.bytes_sent); });
  check([](const auto& out) { return out.bound.total_s; });
  check([](const auto& out) { return out.step->seconds; });
  CHECK(both.step->mfu * both.step->seconds ==
        mean([](const auto& out) { return out.step->mfu * out.step->seconds; }));
  CHECK(both.events == wide.events + narrow.events);
  CHECK(both.memory.peak_bytes == std::max(wide.memory.peak_bytes, narrow.memory.peak_bytes));
}

TEST_CASE("A balanced layout is one for all layers") {
  // A window of 1 makes all tokens equal work; by the causal mask late ones have more.
  const Problem wide{{{5000, 3000}}, {}, {8, 4, 128}};
  Problem narrow = wide;
  narrow.mask = {Mask::Kind::sliding, 1, 0, 0};
  const auto shards = [](const Problem& problem) {
    return shard_tokens(Layout::balanced, problem, 4);
  };
  CHECK(shards(narrow) != shards(wide));
  narrow.balanced_by = wide.mask;
  CHECK(shards(narrow) == shards(wide));
}

TEST_CASE("Windows go with masks that a window can narrow") {
  Case given;
  given.setting.model = llama3_8b();
  given.setting.model.window = 512;
  given.setting.model.window_layers = 24;
  given.setting.mask = {Mask::Kind::full, 0, 0, 0};
  const auto refused = predict({{8192}}, ring(2, 4), given.setting);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::bad_input);
}
