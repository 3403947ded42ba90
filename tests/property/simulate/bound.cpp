// Lower limits must never exceed what the simulator finds, for any strategy and layout, with the
// runtime that costs least. The tuner leaves out and prunes by them.
#include <catch2/catch.hpp>
#include <random>

#include "hsap/compile.hpp"
#include "hsap/predict.hpp"
#include "simulate/training/memory.hpp"

using namespace hsap;

namespace {

class Draw {
 public:
  explicit Draw(unsigned seed) : random_(seed) {}
  int integer(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  template <typename T>
  T one_of(const std::vector<T>& items) {
    return items[static_cast<std::size_t>(integer(0, static_cast<int>(items.size()) - 1))];
  }

 private:
  std::mt19937 random_;
};

Batch draw_batch(Draw& draw) {
  Batch batch;
  const int documents = draw.one_of<int>({1, 1, 2, 5, 20});
  const int longest = draw.one_of<int>({300, 5000, 60000});
  for (int i = 0; i < documents; ++i) batch.lengths.push_back(draw.integer(1, longest));
  return batch;
}

Mask draw_mask(Draw& draw, const Batch& batch) {
  Mask mask;
  mask.kind = draw.one_of<Mask::Kind>({Mask::Kind::causal, Mask::Kind::causal, Mask::Kind::full,
                                       Mask::Kind::sliding, Mask::Kind::prefix,
                                       Mask::Kind::shared_question});
  mask.window = draw.integer(1, batch.lengths[0]);
  mask.prefix = draw.integer(1, batch.lengths[0]);
  mask.answers = draw.integer(1, 4);
  return mask;
}

Strategy draw_strategy(Draw& draw, int gpus) {
  Strategy strategy;
  strategy.ulysses = draw.one_of<int>({1, 1, 2, 4, 8});
  strategy.context_parallel = draw.one_of<int>({1, 2, 4, 8, 16});
  strategy.order = draw.one_of<Order>({Order::ulysses_inner, Order::context_inner});
  strategy.layout = draw.one_of<Layout>({Layout::contiguous, Layout::zigzag, Layout::striped,
                                         Layout::per_document_zigzag, Layout::balanced});
  strategy.exchange =
      draw.one_of<Exchange>({Exchange::ring, Exchange::double_ring, Exchange::all_gather,
                             Exchange::p2p, Exchange::hierarchical});
  strategy.gradient_dtype = draw.one_of<Dtype>({Dtype::bf16, Dtype::fp32});
  while (gpus % strategy.ranks() != 0) strategy.context_parallel /= 2;
  return strategy;
}

Cluster build(const std::string& name, int nodes) {
  Result<ClusterSpec> spec = load_cluster(name);
  REQUIRE(spec);
  Result<Cluster> cluster = Cluster::build(*spec, nodes);
  REQUIRE(cluster);
  return *std::move(cluster);
}

}  // namespace

TEST_CASE("No strategy beats the bound or needs less memory, on any cluster, in any pass") {
  const Result<Runtime> ideal = load_runtime("ideal");
  const Result<Model> llama = load_model("llama3-8b");
  REQUIRE(ideal);
  REQUIRE(llama);
  std::vector<Cluster> clusters;
  for (const char* name : {"dgx-h100", "a800", "l20x8-pcie"}) {
    for (const int nodes : {1, 2, 4}) {
      if (name != std::string("l20x8-pcie") || nodes == 1) clusters.push_back(build(name, nodes));
    }
  }
  Draw draw(11);
  int simulated = 0;
  int must_leave_node = 0;
  for (int i = 0; i < 5000; ++i) {
    Setting setting;
    setting.cluster =
        &clusters[static_cast<std::size_t>(draw.integer(0, static_cast<int>(clusters.size()) - 1))];
    setting.runtime = *ideal;
    if (draw.integer(0, 3) == 0) {
      setting.model = *llama;
    } else {
      setting.model.heads = draw.one_of<Heads>({{8, 8, 128}, {32, 8, 128}, {16, 2, 64}});
    }
    setting.training.zero = draw.integer(0, 3);
    setting.training.checkpointing = draw.one_of<Training::Checkpointing>(
        {Training::Checkpointing::none, Training::Checkpointing::selective,
         Training::Checkpointing::full});
    setting.training.weight_gradients = draw.one_of<Dtype>({Dtype::bf16, Dtype::fp32});
    if (setting.cluster->spec().device.matmul_fp8_flop_per_s > 0) {
      setting.training.matmul = draw.one_of<Training::Matmul>(
          {Training::Matmul::bf16, Training::Matmul::bf16, Training::Matmul::fp8});
    }
    if (setting.training.checkpointing == Training::Checkpointing::full &&
        setting.cluster->spec().host_memory_bytes > 0) {
      setting.training.offload =
          draw.one_of<Training::Offload>({Training::Offload::none, Training::Offload::activations});
    }
    setting.passes = draw.one_of<Passes>({Passes::forward, Passes::backward, Passes::both});
    setting.training.tensor_parallel = draw.one_of<int>({1, 1, 1, 2});
    if (setting.model.layers > 0) {
      setting.training.pipeline_parallel = draw.one_of<int>({1, 1, 2});
      setting.training.expert_parallel =
          setting.model.experts > 0 ? draw.one_of<int>({1, 2, 8}) : 1;
    }
    const Batch batch = draw_batch(draw);
    setting.mask = draw_mask(draw, batch);
    const Strategy strategy = draw_strategy(draw, setting.cluster->gpus());
    const Result<BatchPrediction> result = predict(batch, strategy, setting);
    if (!result) continue;  // illegal strategies, degrees that do not divide
    ++simulated;
    if (result->bound.inter_node_s > 0) ++must_leave_node;
    const double simulated_s = result->attention.forward_s + result->attention.backward_s;
    INFO(to_string(strategy) << " on " << setting.cluster->spec().name << " x "
                             << setting.cluster->nodes() << ", " << to_string(setting.mask) << ", "
                             << batch.tokens() << " tokens in " << batch.documents());
    CHECK(result->bound.compute_s <= simulated_s * (1 + 1e-9));
    CHECK(result->bound.intra_node_s <= simulated_s * (1 + 1e-9));
    CHECK(result->bound.inter_node_s <= simulated_s * (1 + 1e-9));
    const Training& training = setting.training;
    const Division division{
        strategy.ranks() * *replicas_of(strategy.ranks(), setting), 1,
        *pipeline_of(setting.model, training.pipeline_parallel, training.virtual_stages)};
    CHECK(least_training_memory(*problem_of(batch, setting), setting, strategy.ranks(), division)
              .peak_bytes <= result->memory.peak_bytes);
    CHECK(result->bound.total_s == std::max({result->bound.compute_s, result->bound.intra_node_s,
                                             result->bound.inter_node_s}));
  }
  CHECK(simulated > 500);
  CHECK(must_leave_node > 50);
}
