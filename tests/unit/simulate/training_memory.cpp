#include "simulate/training/memory.hpp"

#include "simulate/training/layer.hpp"
#include "unit/simulate/support.hpp"

using namespace hsap;
using namespace hsap::testing;

namespace {

constexpr double layer = 218103808;                       // parameters of a layer of Llama 3 8B
constexpr double all = 32 * layer + 2.0 * 128256 * 4096;  // 8.03 G

Setting setting_of(const Cluster& cluster, int zero, Training::Checkpointing checkpointing) {
  Setting setting;
  setting.cluster = &cluster;
  setting.model = llama3_8b();
  setting.training = {zero, checkpointing, 1};
  return setting;
}

Division division_of(const Setting& setting, int data_ranks, int accumulation = 1) {
  return {data_ranks, accumulation,
          *pipeline_of(setting.model, setting.training.pipeline_parallel,
                       setting.training.virtual_stages)};
}

std::map<std::string, double> parts_of(const Setting& setting, int data_ranks,
                                       const AttentionBuffers& attention) {
  const Memory memory =
      training_memory(setting, division_of(setting, data_ranks), std::vector{attention});
  double sum = 0;
  for (const auto& [name, bytes] : memory.breakdown) sum += bytes;
  CHECK(static_cast<double>(memory.peak_bytes) == sum);
  return named(memory.breakdown);
}

// The gradient of a layer's output, and a layer's input: bytes a token.
constexpr double output = 2.0 * 4096;
// Of what a layer keeps, the halves of the MLP and their product: bytes a token.
constexpr double mlp = 6.0 * 14336;

constexpr auto none = Training::Checkpointing::none;
constexpr auto norms = Training::Checkpointing::norms;
constexpr auto selective = Training::Checkpointing::selective;
constexpr auto full = Training::Checkpointing::full;

}  // namespace

TEST_CASE("Parameters, gradients and optimizer of Llama 3 8B") {
  const Cluster cluster = round_cluster(1, 8);
  const auto parts = parts_of(setting_of(cluster, 1, none), 8, {});
  CHECK(parts.at("parameters") == 2 * all);
  CHECK(parts.at("gradients") == 2 * all);
  CHECK(parts.at("optimizer") == 12 * all / 8);
  CHECK(parts.at("gathered_layers") == 0);
}

TEST_CASE("Sharded layers are whole while they are used") {
  const Cluster cluster = round_cluster(1, 8);
  const auto gathered = [&](int zero, std::int64_t vocabulary) {
    Setting setting = setting_of(cluster, zero, none);
    setting.model.vocabulary = vocabulary;
    return parts_of(setting, 8, {}).at("gathered_layers");
  };
  CHECK(gathered(2, 0) == 2 * layer);
  CHECK(gathered(3, 0) == 3 * 2 * layer);
  // At the loss the output projection and its gradient, and a layer fetched ahead.
  CHECK(gathered(2, 128256) == 2 * 128256.0 * 4096);
  CHECK(gathered(3, 128256) == 4 * 128256.0 * 4096 + 2 * layer);
}

TEST_CASE("Gradients in fp32 take 2 bytes a parameter more, wherever they are") {
  const Cluster cluster = round_cluster(1, 8);
  for (int zero = 0; zero < 4; ++zero) {
    Setting setting = setting_of(cluster, zero, none);
    auto before = parts_of(setting, 8, {});
    setting.training.weight_gradients = Dtype::fp32;
    const auto after = parts_of(setting, 8, {});
    before["gradients"] += 2 * all / (zero >= 2 ? 8 : 1);
    before["gathered_layers"] += zero >= 2 ? 2 * 128256.0 * 4096 : 0;
    CHECK(after == before);
  }
}

TEST_CASE("Activations by checkpointing") {
  // Bytes a token and layer: norms' inputs and MLP halves 4 x 4096 + 4 x 14336 = 73,728; what is
  // cheap 4 x 4096 + 2 x 14336 = 45,056.
  const Cluster cluster = round_cluster(1, 8);
  const AttentionBuffers attention{1000, 10, 1024};
  CHECK(saved_bytes(llama3_8b(), selective) == 73728);
  CHECK(saved_bytes(llama3_8b(), none) == 73728 + 45056);
  const auto activations = [&](Training::Checkpointing checkpointing) {
    return parts_of(setting_of(cluster, 1, checkpointing), 8, attention).at("activations");
  };
  CHECK(activations(none) == 32 * (1024.0 * 118784 + 1000));
  CHECK(activations(norms) == 32 * (1024.0 * (118784 - 4 * 4096) + 1000));
  CHECK(activations(selective) == 32 * (1024.0 * 73728 + 1000));
  CHECK(activations(full) == 32 * 1024.0 * 8192);
}

TEST_CASE("In FP8 what only products read takes half, and attention's output is kept twice") {
  // 4 x 4096 + 2 x 14336 = 45,056 bytes become half, and 4,096 come on top.
  constexpr auto fp8 = Training::Matmul::fp8;
  CHECK(saved_bytes(llama3_8b(), none, fp8) == 73728 + 45056 / 2 + 4096);
  CHECK(saved_bytes(llama3_8b(), norms, fp8) == 73728 + 14336 + 4096);
  CHECK(saved_bytes(llama3_8b(), selective, fp8) == 73728 + 4096);
}

TEST_CASE("The loss and a layer at work are never alive together: the larger counts") {
  const Cluster cluster = round_cluster(1, 8);
  // Logits: 6 bytes x 128,256 x 1,024 tokens = 788 MB.
  const double logits = 6.0 * 128256 * 1024;
  auto parts = parts_of(setting_of(cluster, 1, none), 8, {1000, 1000, 1024});
  CHECK(parts.at("logits") == logits);
  CHECK(parts.at("layer_at_work") == 0);
  parts = parts_of(setting_of(cluster, 1, none), 8, {1000, 1e9, 1024});
  CHECK(parts.at("logits") == 0);
  CHECK(parts.at("layer_at_work") == 1e9 + 1024 * (output - mlp));
  // In chunks there are fewer of them at a time.
  Setting chunked = setting_of(cluster, 1, none);
  chunked.training.loss_chunks = 4;
  CHECK(parts_of(chunked, 8, {1000, 1000, 1024}).at("logits") == logits / 4);
  // Full checkpointing makes a whole layer again.
  parts = parts_of(setting_of(cluster, 1, full), 8, {1000, 1e9, 1024});
  CHECK(parts.at("layer_at_work") == 1e9 + 1024.0 * 118784 + 1000 - 1024 * mlp);
}

TEST_CASE("A layer at work has its MLP's gradients, or attention's buffers and no MLP") {
  const Cluster cluster = round_cluster(1, 8);
  Setting setting = setting_of(cluster, 1, none);
  setting.model.vocabulary = 0;
  // Of the output 2 x 4096 bytes a token, of the halves 4 x 14336.
  const double gradients = output + 4 * 14336;
  const auto at_work = [&](double transient) {
    return parts_of(setting, 8, {1000, transient, 1024}).at("layer_at_work");
  };
  CHECK(at_work(0) == 1024 * gradients);
  const double as_much = 1024 * (gradients - output + mlp);
  CHECK(at_work(as_much) == 1024 * gradients);
  CHECK(at_work(as_much + 7) == 1024 * gradients + 7);
  setting.training.checkpointing = selective;  // makes 45,056 bytes a token again
  CHECK(at_work(0) == 1024 * (gradients + 45056));
  setting.training.matmul = Training::Matmul::fp8;  // half of them, and a smaller product
  CHECK(mlp_saved_bytes(setting.model, Training::Matmul::fp8) == mlp - 14336);
  CHECK(at_work(0) == 1024 * (gradients + 45056.0 / 2));
}

TEST_CASE("Rows of experts have gradients, of all tokens where their slices are on each GPU") {
  const Cluster cluster = round_cluster(1, 8);
  Setting setting = setting_of(cluster, 1, none);
  setting.model.vocabulary = 0;
  setting.model.experts = 8;
  setting.model.experts_per_token = 2;
  setting.training.tensor_parallel = 4;
  const auto at_work = [&] { return parts_of(setting, 8, {0, 0, 1024}).at("layer_at_work"); };
  const double mlp_gradients = 256 * (output + 2 * 4 * 14336);  // two visits
  const double gathered = 1024 * 4 * 4096;
  CHECK(at_work() == mlp_gradients + 1024 * 2 * output + gathered);
  setting.training.expert_parallel = 8;
  CHECK(at_work() == mlp_gradients + 256 * 2 * output + gathered);
}

TEST_CASE("Tensor parallelism gathers all tokens of a rank for a product") {
  const Cluster cluster = round_cluster(1, 8);
  Setting setting = setting_of(cluster, 1, full);
  const AttentionBuffers attention{0, 0, 1024};
  const auto one = parts_of(setting, 8, attention);
  setting.training.tensor_parallel = 4;
  // The input and its gradient in bf16: 4 x 4096 bytes a token.
  CHECK(parts_of(setting, 8, attention).at("logits") == one.at("logits") / 4 + 1024 * 4 * 4096);
  setting.training.loss_chunks = 2;
  CHECK(parts_of(setting, 8, attention).at("logits") == one.at("logits") / 8 + 512 * 4 * 4096);
  setting.model.vocabulary = 0;
  const double share = 256.0 * (118784 + 4 * 14336);  // its input is kept
  CHECK(parts_of(setting, 8, attention).at("layer_at_work") == share + 1024 * 4 * 4096);
  setting.training.matmul = Training::Matmul::fp8;  // gathered in FP8
  const double fp8_share =
      share + 256.0 * (saved_bytes(setting.model, none, setting.training.matmul) - 118784);
  CHECK(parts_of(setting, 8, attention).at("layer_at_work") == fp8_share + 1024 * 3 * 4096);
}

TEST_CASE("Offloaded inputs of layers leave two on the device") {
  const Cluster cluster = round_cluster(1, 8);
  Setting setting = setting_of(cluster, 1, full);
  const AttentionBuffers attention{1000, 10, 1024};
  const double input = 1024.0 * 2 * 4096;
  const auto before = parts_of(setting, 8, attention);
  setting.training.offload = Training::Offload::activations;
  auto after = parts_of(setting, 8, attention);
  CHECK(after.at("activations") == 2 * input);
  after["activations"] = 32 * input;
  CHECK(after == before);
  const auto offloaded = [&](int accumulation) {
    return static_cast<double>(
        training_memory(setting, division_of(setting, 8, accumulation), std::vector{attention})
            .offloaded_bytes);
  };
  CHECK(offloaded(1) == 30 * input);
  setting.training.pipeline_parallel = 4;  // its first stage has 8 layers of up to 4 batches
  CHECK(offloaded(1) == 6 * input);
  CHECK(offloaded(16) == 30 * input);
  // Each on two GPUs of the node, which keeps 30, 22, 14 and 6 inputs of them twice.
  CHECK(static_cast<double>(
            training_memory(setting, division_of(setting, 2, 16), std::vector{attention})
                .host_bytes) == 2 * 72 * input);
  // Stages of three GPUs: two and two thirds of them on the first node, with 30, 26 and 22 inputs.
  const Cluster three = round_cluster(3, 8);
  setting.cluster = &three;
  setting.training.pipeline_parallel = 8;
  CHECK(static_cast<double>(
            training_memory(setting, division_of(setting, 3, 16), std::vector{attention})
                .host_bytes) == (3 * 30 + 3 * 26 + 2 * 22) * input);
  setting.training.offload = Training::Offload::none;
  CHECK(offloaded(16) == 0);
}

TEST_CASE("Tensor parallelism shares states and activations, no communicators") {
  const Cluster cluster = round_cluster(1, 8);
  Setting setting = setting_of(cluster, 3, selective);
  setting.runtime.communicator_bytes = 77;
  const auto one = parts_of(setting, 8, {0, 0, 1024});
  setting.training.tensor_parallel = 4;
  const auto four = parts_of(setting, 8, {0, 0, 1024});
  for (const char* part :
       {"parameters", "gradients", "optimizer", "gathered_layers", "activations"}) {
    INFO(part);
    CHECK(four.at(part) == Approx(one.at(part) / 4));
  }
  CHECK(four.at("communicators") == 77);
}

TEST_CASE("A stage keeps its layers of as many batches as there are stages from it on") {
  const Cluster cluster = round_cluster(1, 8);
  Setting setting = setting_of(cluster, 0, none);
  setting.training.pipeline_parallel = 4;
  setting.model.vocabulary = 0;
  const AttentionBuffers attention{1000, 0, 100};
  const auto activations = [&](int accumulation) {
    const Memory memory =
        training_memory(setting, division_of(setting, 2, accumulation), std::vector{attention});
    CHECK(named(memory.breakdown).at("parameters") == 2 * 8 * layer);
    return named(memory.breakdown).at("activations");
  };
  const double kept = saved_bytes(setting.model, none) * 100 + 1000;  // of a layer
  CHECK(activations(1) == Approx(8 * kept));
  CHECK(activations(3) == Approx(3 * 8 * kept));
  CHECK(activations(16) == Approx(4 * 8 * kept));  // the first stage of four
  // Interleaved: 2 x 3 + 4 pieces of four layers ahead, and one at work.
  setting.training.virtual_stages = 2;
  CHECK(activations(16) == Approx(11 * 4 * kept));
}

TEST_CASE("The vocabulary is the first and the last stage's, the logits the last one's") {
  const Cluster cluster = round_cluster(1, 8);
  Setting setting = setting_of(cluster, 0, full);
  setting.training.pipeline_parallel = 4;
  const AttentionBuffers attention{0, 0, 100000};
  const Memory memory =
      training_memory(setting, division_of(setting, 2, 1), std::vector{attention});
  const auto parts = named(memory.breakdown);
  CHECK(parts.at("parameters") == 2 * (8 * layer + 128256.0 * 4096));
  CHECK(parts.at("logits") == 6 * 128256.0 * 100000);  // the last stage needs most
}

TEST_CASE("The rank that needs most is reported") {
  const Cluster cluster = round_cluster(1, 8);
  const Setting setting = setting_of(cluster, 1, none);
  const std::vector<AttentionBuffers> ranks{{0, 0, 100}, {0, 0, 300}, {0, 0, 200}};
  CHECK(training_memory(setting, division_of(setting, 8), ranks).peak_bytes ==
        training_memory(setting, division_of(setting, 8), std::vector{ranks[1]}).peak_bytes);
}

TEST_CASE("No rank needs less than an equal share of the tokens, and of what attention keeps") {
  const Cluster cluster = round_cluster(1, 8);
  const Setting setting = setting_of(cluster, 1, selective);
  // 8,192 tokens over 8 ranks, two of a rank's share aside. q, k, v and o of Llama 3 8B are 2 x 80
  // heads of 128 in bf16 a token, lse 32 numbers in fp32.
  const Problem problem = *problem_of(Batch{{8192}}, setting);
  const AttentionBuffers share{1022.0 * (2 * 80 * 128 + 32 * 4), 0, 1022};
  CHECK(least_training_memory(problem, setting, 8, division_of(setting, 8)).peak_bytes ==
        training_memory(setting, division_of(setting, 8), {&share, 1}).peak_bytes);
}

TEST_CASE("PyTorch's own loss holds its logits three times in fp32") {
  const Cluster cluster = round_cluster(1, 8);
  Setting setting = setting_of(cluster, 1, full);
  const AttentionBuffers attention{0, 0, 32768};
  CHECK(parts_of(setting, 8, attention).at("logits") == 6 * 128256.0 * 32768);
  setting.training.loss = Training::Loss::plain;
  CHECK(parts_of(setting, 8, attention).at("logits") == 14 * 128256.0 * 32768);
}

TEST_CASE("An attention-only model has attention's buffers and nothing else") {
  const Cluster cluster = round_cluster(1, 8);
  Setting setting = setting_of(cluster, 3, full);
  setting.model = Model{};
  setting.model.heads = {8, 8, 128};
  const Memory memory = training_memory(setting, division_of(setting, 8),
                                        std::vector<AttentionBuffers>{{100, 30, 64}});
  CHECK(memory.peak_bytes == 130);
}
