#include "simulate/training/step.hpp"

#include "simulate/training/layer.hpp"
#include "simulate/training/rates.hpp"
#include "unit/simulate/support.hpp"

using namespace hsap;
using namespace hsap::testing;

namespace {

struct Case {
  Cluster cluster = round_cluster(1, 8);
  Setting setting;
  int accumulation = 1;

  Case() {
    setting.cluster = &cluster;
    setting.model = llama3_8b();
  }
  [[nodiscard]] StepInput input() const {
    return {setting,
            8,
            1,
            accumulation,
            *pipeline_of(setting.model, setting.training.pipeline_parallel,
                         setting.training.virtual_stages),
            8192,
            1024,
            8192LL * 8193 / 2,
            {{1, {2e-3, 1e-3, 8e-4, 5e-4, 0}, {5e-3, 3e-3, 2e-3, 1e-3, 0}}}};
  }
  [[nodiscard]] std::map<std::string, double> parts() const {
    return named(step_times(input()).breakdown);
  }
};

double sum(const Breakdown& parts) {
  double total = 0;
  for (const auto& [name, seconds] : parts) total += seconds;
  return total;
}

}  // namespace

TEST_CASE("Llama 3 8B: parameters of a layer by hand") {
  // W_Q, W_O 4096 x 4096; W_K, W_V 4096 x 1024; three MLP matrices 4096 x 14336.
  const std::int64_t layer = 2LL * 4096 * 4096 + 2LL * 4096 * 1024 + 3LL * 4096 * 14336;
  CHECK(layer_parameters(llama3_8b()) == layer);
  CHECK(active_layer_parameters(llama3_8b()) == layer);
  CHECK(embedding_parameters(llama3_8b()) == 2LL * 128256 * 4096);
}

TEST_CASE("An expert model multiplies with the chosen experts and keeps them all") {
  Model model = llama3_8b();
  const std::int64_t dense = layer_parameters(model);
  const std::int64_t expert = 3LL * 4096 * 14336;
  const std::int64_t router = 4096LL * 8;
  model.experts = 8;
  model.experts_per_token = 2;
  CHECK(layer_parameters(model) == dense + 7 * expert + router);
  CHECK(active_layer_parameters(model) == dense + expert + router);
}

TEST_CASE("The parts of a step add up to it exactly") {
  for (const auto checkpointing :
       {Training::Checkpointing::none, Training::Checkpointing::selective,
        Training::Checkpointing::full}) {
    for (const int zero : {0, 1, 2, 3}) {
      Case given;
      given.setting.training = {zero, checkpointing, 1};
      const StepTimes step = step_times(given.input());
      CHECK(step.seconds == sum(step.breakdown));
      for (const auto& [name, seconds] : step.breakdown) {
        INFO(name);
        CHECK(seconds >= 0);
      }
    }
  }
}

TEST_CASE("Attention of all layers: compute, exposed communication and the rest") {
  const auto parts = Case().parts();
  CHECK(parts.at("attention_compute") == Approx(32 * 4e-3));
  CHECK(parts.at("attention_exposed_communication") == Approx(32 * 1.5e-3));
  CHECK(parts.at("attention_idle") == Approx(32 * (7e-3 - 4e-3 - 1.5e-3)));
}

TEST_CASE("A layer takes no less than its host, in each pass") {
  Case given;
  const StepTimes ahead = step_times(given.input());
  CHECK(named(ahead.breakdown).at(waiting_for_host) == 0);
  // 20 ms for each pass but attention, where devices have 2 and 5 ms of attention and less than 3
  // of other work.
  given.setting.runtime.host_layer_s = 40e-3;
  StepInput input = given.input();
  input.attention[0].forward.host_s = 0.5e-3;
  input.attention[0].backward.host_s = 1e-3;
  const StepTimes behind = step_times(input);
  CHECK(behind.parts.layer_forward_s == Approx(20.5e-3));
  CHECK(behind.parts.layer_backward_s == Approx(21e-3));
  CHECK(named(behind.breakdown).at(waiting_for_host) ==
        Approx(32 * (41.5e-3 - ahead.parts.layer_forward_s - ahead.parts.layer_backward_s)));
  CHECK(behind.seconds == sum(behind.breakdown));
  // Where all is made again, a forward pass is issued again.
  given.setting.training.checkpointing = Training::Checkpointing::full;
  CHECK(step_times(input).parts.layer_forward_s == Approx(20.5e-3));
  CHECK(step_times(input).parts.layer_backward_s == Approx(41.5e-3));
}

TEST_CASE("Experts take the host longer, where a layer has any") {
  Case given;
  given.setting.runtime.host_layer_s = 40e-3;
  given.setting.runtime.host_experts_s = 8e-3;
  CHECK(step_times(given.input()).parts.layer_forward_s == Approx(20e-3));
  given.setting.model.experts = 2;
  given.setting.model.experts_per_token = 1;
  CHECK(step_times(given.input()).parts.layer_forward_s == Approx(24e-3));
}

TEST_CASE("A layer that the device takes longer for waits for no host") {
  Case given;
  const double seconds = step_times(given.input()).seconds;
  given.setting.runtime.host_layer_s = 4e-3;  // forward takes more than 2 ms, backward than 5
  CHECK(step_times(given.input()).seconds == seconds);
}

TEST_CASE("Linear layers: 6 FLOP a parameter and token, and three passes over the activations") {
  // 1,024 tokens x 218,103,808 parameters x 32 layers x 6 FLOP at 1 PFLOP/s = 42.88 ms;
  // element-wise 2 (8 x 4096 + 2 x 40 x 128 + 3 x 14336) = 172,032 bytes a token and layer at 1
  // TB/s, 3 times.
  const double products = 6.0 * 1024 * 218103808 * 32 / 1e15;
  const double elementwise = 3.0 * 172032 * 1024 * 32 / 1e12;
  CHECK(elementwise_bytes(llama3_8b()) == 172032);
  CHECK(Case().parts().at("linear") == Approx(products + elementwise));
}

TEST_CASE("Checkpointing: nothing, norms, the cheap parts, or the whole forward pass again") {
  Case given;
  given.setting.training.checkpointing = Training::Checkpointing::none;
  CHECK(given.parts().at("recompute") == 0);
  given.setting.training.checkpointing = Training::Checkpointing::norms;
  CHECK(given.parts().at("recompute") == Approx(4 * 2.0 * 4096 * 1024 * 32 / 1e12));
  const double cheap = 172032.0 * 1024 * 32 / 1e12;
  given.setting.training.checkpointing = Training::Checkpointing::selective;
  CHECK(given.parts().at("recompute") == Approx(cheap));
  given.setting.training.checkpointing = Training::Checkpointing::full;
  CHECK(given.parts().at("recompute") ==
        Approx(32 * 2e-3 + 2.0 * 1024 * 218103808 * 32 / 1e15 + cheap));
}

TEST_CASE("A plain loss moves its logits 36 bytes, a fused one 8") {
  Case given;
  const double fused = given.parts().at("embedding_and_logits");
  given.setting.training.loss = Training::Loss::plain;
  CHECK(given.parts().at("embedding_and_logits") - fused ==
        Approx((36.0 - 8) * 1024 * 128256 / 1e12));
}

TEST_CASE("Gradients in fp32 are 2 bytes more a parameter to step") {
  Case given;
  given.setting.training.zero = 3;
  given.setting.training.weight_gradients = Dtype::fp32;
  CHECK(given.parts().at("optimizer") ==
        Approx(30.0 * static_cast<double>(given.setting.model.parameters()) / 8 / 1e12));
}

TEST_CASE("USP's table: Megatron-SP takes 6 all-gathers and 4 reduce-scatters of L x d") {
  CHECK(2 * (tensor_gathers_forward + tensor_gathers_backward) == 6);
  CHECK(2 * 2 * tensor_scatters == 4);
  Case given;
  given.setting.training.tensor_parallel = 4;
  // Each moves 3/4 of 1,024 x 4096 x 2 bytes into a GPU at 100 GB/s.
  const double each = 0.75 * 1024 * 4096 * 2 / 100e9;
  CHECK(given.parts().at("tensor_parallel") == Approx(32 * 10 * each));
}

TEST_CASE("Copies to the host hide behind the layer that computes beside them") {
  Case given;
  given.setting.training.checkpointing = Training::Checkpointing::full;
  const StepTimes before = step_times(given.input());
  given.setting.training.offload = Training::Offload::activations;
  const auto waits = [&](double bytes_per_s) {
    ClusterSpec spec = round_spec(8);
    spec.device.host_bandwidth_bytes_per_s = bytes_per_s;
    given.cluster = *Cluster::build(std::move(spec), 1);
    const StepTimes after = step_times(given.input());
    CHECK(sum(after.breakdown) == Approx(after.seconds));
    CHECK(after.seconds - before.seconds ==
          Approx(named(after.breakdown).at(waiting_for_offload)).margin(1e-12));
    return named(after.breakdown).at(waiting_for_offload);
  };
  const double bytes = 1024 * 2 * 4096;  // 1,024 tokens of 4,096 numbers
  const double forward_s = before.parts.layer_forward_s;
  const double backward_s = before.parts.layer_backward_s;
  REQUIRE(forward_s < backward_s);
  CHECK(waits(bytes / forward_s * 1.01) == 0);
  // Two of 32 inputs stay.
  CHECK(waits(bytes / backward_s) == Approx(30 * (backward_s - forward_s)));
  CHECK(waits(bytes / backward_s / 3) == Approx(30 * (5 * backward_s - forward_s)));
}

TEST_CASE("FP8: products at their own rate, operands cast, what is gathered halved") {
  Case given;
  given.setting.training.checkpointing = Training::Checkpointing::none;
  given.setting.training.zero = 3;
  given.setting.training.tensor_parallel = 4;
  auto before = given.parts();
  given.setting.training.matmul = Training::Matmul::fp8;
  auto after = given.parts();
  // Half the FLOP time is gone at twice the rate; element-wise passes stay.
  const double flop_s = 32 * 6.0 * 1024 * static_cast<double>(layer_parameters(llama3_8b())) / 4 /
                        given.cluster.spec().device.matmul_flop_per_s;
  CHECK(before.at("linear") - after.at("linear") == Approx(flop_s / 2));
  // Forward 4096 (norm), 4096 (attention), 4096 (norm), 14336; backward 6144, 4096, 28672, 4096.
  const double numbers = 3 * 4096 + 14336 + 6144 + 2 * 4096 + 28672;
  CHECK(after.at("fp8_casts") == Approx(32 * 6 * numbers * 1024 / 4 / 1e12));
  CHECK(before.count("fp8_casts") == 0);
  // 6 of 10 collectives are gathers.
  CHECK(after.at("tensor_parallel") == Approx(0.7 * before.at("tensor_parallel")));
  // The output projection is bf16.
  CHECK(after.at("embedding_and_logits") == before.at("embedding_and_logits"));
  // Outputs of norms that are made again are cast again.
  given.setting.training.checkpointing = Training::Checkpointing::norms;
  const double norms_s = 8.0 * 4096 * 1024 / 4 / 1e12;
  CHECK(given.parts().at("recompute") == Approx(32 * (norms_s + 6 * 2 * 4096.0 * 1024 / 4 / 1e12)));
}

TEST_CASE("Experts cast the rows of each that a token visits") {
  Model model = llama3_8b();
  const double dense = cast_numbers(model, Pass::forward);
  model.experts = 8;
  model.experts_per_token = 2;
  CHECK(cast_numbers(model, Pass::forward) - dense == 4096 + 14336);
  CHECK(cast_numbers(model, Pass::backward) > 2 * 4096 + 4 * 14336);
}

TEST_CASE("Tensor parallelism divides what is linear in the weights") {
  Case given;
  given.setting.training.checkpointing = Training::Checkpointing::none;
  const auto one = given.parts();
  given.setting.training.tensor_parallel = 2;
  const auto two = given.parts();
  for (const char* part : {"linear", "optimizer"}) CHECK(two.at(part) == Approx(one.at(part) / 2));
  CHECK(one.at("tensor_parallel") == 0);
}

TEST_CASE("The optimizer moves 28 bytes a parameter that the rank owns") {
  Case given;
  const double all = 28.0 * static_cast<double>(given.setting.model.parameters()) / 1e12;
  given.setting.training.zero = 0;
  CHECK(given.parts().at("optimizer") == Approx(all));
  given.setting.training.zero = 1;
  CHECK(given.parts().at("optimizer") == Approx(all / 8));
}

TEST_CASE("MFU counts model FLOP once, over the peak of all GPUs") {
  // 6 x (parameters without the embedding) x tokens + 32 layers x 4 x 3.5 x pairs x 32 x 128.
  const Case given;
  const StepTimes step = step_times(given.input());
  const double dense = 6.0 * (32.0 * 218103808 + 128256.0 * 4096) * 8192;
  const double attention = 32.0 * 14 * (8192.0 * 8193 / 2) * 32 * 128;
  CHECK(step.mfu == Approx((dense + attention) / (8 * 2e15 * step.seconds)));
  CHECK(step.tokens_per_s == Approx(8192 / step.seconds));
}

TEST_CASE("Of several batches all is done again but the optimizer and what waits for it") {
  Case given;
  given.cluster = round_cluster(2, 8);
  given.setting.training.tensor_parallel = 2;
  for (const int zero : {0, 1, 2, 3}) {
    given.setting.training.zero = zero;
    given.accumulation = 1;
    const auto one = given.parts();
    given.accumulation = 5;
    const auto five = given.parts();
    for (const auto& [name, seconds] : one) {
      INFO(zero << " " << name);
      const bool once = name == "optimizer" || (name == "data_parallel" && zero < 2);
      if (name == "data_parallel" && zero == 2) {
        // Parameters are gathered once, gradients reduced with every batch.
        CHECK(five.at(name) > seconds);
        CHECK(five.at(name) < 5 * seconds);
      } else {
        CHECK(five.at(name) == Approx(once ? seconds : 5 * seconds));
      }
    }
  }
  // As much work per second as alone but for the once-only parts.
  const StepTimes step = step_times(given.input());
  CHECK(step.tokens_per_s == Approx(5 * 8192 / step.seconds));
  given.accumulation = 1;
  CHECK(step.mfu > step_times(given.input()).mfu);
}

TEST_CASE("Communication hides behind work but for a layer's share and what is lost") {
  CHECK(exposed_seconds(0, 1, 0, 0.5, 4) == 0);
  CHECK(exposed_seconds(1, 10, 0, 0, 4) == Approx(0.25));     // three of four layers hide
  CHECK(exposed_seconds(8, 2, 0, 0, 4) == Approx(8 - 2));     // more than there is to hide behind
  CHECK(exposed_seconds(8, 10, 0, 1, 4) == Approx(8));        // no gain from overlap
  CHECK(exposed_seconds(8, 10, 0, 0.5, 4) == Approx(3 + 2));  // half of 6 s, and 2 s of a layer
  CHECK(exposed_seconds(8, 10, 2, 0.5, 4) ==
        Approx(2 + 2));                                   // 2 of the 6 s in idle time cost nothing
  CHECK(exposed_seconds(8, 10, 7, 0.5, 4) == Approx(2));  // all of them
}

TEST_CASE("A collective is as slow as the GPU's link or the node's NICs") {
  const Cluster one = round_cluster(1, 8);
  CHECK(collective_seconds(one, 8e9, 8, 1) == Approx(7e9 / 100e9));
  CHECK(collective_seconds(one, 8e9, 1, 1) == 0);
  // Two nodes of two: NICs of 2 x 10 GB/s take in 3/4 of it, a node's own GPUs being the last to
  // get what began there; NVLinks at 100 GB/s carry half as much, as rings leave at either GPU.
  const Cluster two = round_cluster(2, 2);
  CHECK(collective_seconds(two, 8e9, 4, 1) == Approx(6e9 / 20e9));
  // With two slices, each of the node's two GPUs wants another half of its own 8 GB.
  CHECK(collective_seconds(two, 8e9, 2, 2) == Approx(2 * 4e9 / 20e9));
}

namespace {

/// Nodes of four GPUs on two sockets, joined by a link of 10 GB/s; 20 GB/s between PCIe's ends.
Cluster two_sockets() {
  using Kind = ClusterSpec::DeviceKind;
  ClusterSpec spec = round_spec(0);
  spec.devices = {{"cpu0", Kind::cpu}, {"cpu1", Kind::cpu}};
  spec.curves[static_cast<int>(LinkClass::pcie)].bandwidth_bytes_per_s = 20e9;
  spec.curves[static_cast<int>(LinkClass::socket)].bandwidth_bytes_per_s = 10e9;
  spec.links = {{0, 1, LinkClass::socket, 1}};
  for (int gpu = 0; gpu < 4; ++gpu) {
    spec.devices.push_back({"gpu" + std::to_string(gpu), Kind::gpu});
    spec.links.push_back({2 + gpu, gpu / 2, LinkClass::pcie, 1});
  }
  return *Cluster::build(spec, 1);
}

}  // namespace

TEST_CASE("What GPUs of a node share, as the link between sockets, sets the pace") {
  const Cluster node = two_sockets();
  // Pairs stay on their sockets; a ring of four crosses once each way; of all pairs four do.
  CHECK(collective_seconds(node, 8e9, 2, 1) == Approx(4e9 / 20e9));
  CHECK(collective_seconds(node, 8e9, 4, 1) == Approx(6e9 / 10e9));
  CHECK(collective_seconds(node, 8e9, 2, 2) == Approx(2 * 4e9 / 10e9));
  CHECK(all_to_all_seconds(node, 8e9, 4) == Approx(4 * 2e9 / 10e9));
  CHECK(shifted_seconds(node, 1e9, 2) == Approx(2 * 1e9 / 10e9));
}

TEST_CASE("Stages smaller than a node send to the next node, too") {
  // The last two of four GPUs each over a NIC of 10 GB/s, the others over NVLink.
  CHECK(shifted_seconds(round_cluster(2, 4), 1e9, 2) == Approx(1e9 / 10e9));
  CHECK(shifted_seconds(round_cluster(1, 4), 1e9, 2) == Approx(1e9 / 100e9));
}

TEST_CASE("Uplinks of leaves and what a node's NICs reach together set the pace between nodes") {
  ClusterSpec spec = round_spec(2);
  spec.nodes_per_leaf = 2;
  spec.oversubscription = 4;  // four NICs of 10 GB/s share 10 GB/s up
  const Cluster leaves = *Cluster::build(spec, 4);
  // Of a ring over all, one node of a leaf hands on 7 of 8 GB.
  CHECK(collective_seconds(leaves, 8e9, 8, 1) == Approx(7e9 / 10e9));
  CHECK(collective_seconds(leaves, 8e9, 4, 1) == Approx(6e9 / 20e9));  // below one leaf
  // Four GPUs of a leaf send half of their 8 GB up.
  CHECK(all_to_all_seconds(leaves, 8e9, 8) == Approx(4 * 4e9 / 10e9));
  CHECK(shifted_seconds(leaves, 1e9, 4) == Approx(4 * 1e9 / 10e9));
  CHECK(shifted_seconds(leaves, 1e9, 2) == Approx(2 * 1e9 / 10e9));
  spec.oversubscription = 1;
  spec.node_bandwidth_bytes_per_s = 5e9;
  const Cluster slow = *Cluster::build(spec, 4);
  CHECK(collective_seconds(slow, 8e9, 8, 1) == Approx(7e9 / 5e9));
  CHECK(shifted_seconds(slow, 1e9, 2) == Approx(2 * 1e9 / 5e9));
}

TEST_CASE("A faster device does not make a step longer that waits for the host") {
  Case given;
  given.setting.training.zero = 3;
  given.setting.runtime.host_layer_s = 40e-3;
  const double before = step_times(given.input()).seconds;
  ClusterSpec faster = given.cluster.spec();
  faster.device.matmul_flop_per_s *= 4;
  given.cluster = *Cluster::build(faster, 1);
  CHECK(step_times(given.input()).seconds <= before);
}

TEST_CASE("a pipeline's step is that of its busiest stage and the bubble") {
  Case given;
  given.accumulation = 16;
  const StepTimes whole = step_times(given.input());
  given.setting.training.pipeline_parallel = 4;
  const StepTimes step = step_times(given.input());
  const auto parts = named(step.breakdown);
  // The last of four stages: a quarter of the layers, and the loss but not the embedding.
  const auto all = named(whole.breakdown);
  for (const char* part : {"attention_compute", "linear", "recompute"}) {
    CHECK(parts.at(part) == Approx(all.at(part) / 4));
  }
  CHECK(parts.at("embedding_and_logits") < all.at("embedding_and_logits"));
  CHECK(parts.at("embedding_and_logits") > 0.9 * all.at("embedding_and_logits"));
  CHECK(sum(step.breakdown) == Approx(step.seconds));
  CHECK(step.parts.once_s == Approx(parts.at("data_parallel") + parts.at("optimizer")));
  // Three rounds of a stage without the loss, 3 x 8 layers' passes, are waited for, and six
  // messages of 1024 x 4096 numbers over 100 GB/s.
  const double message = 2.0 * 1024 * 4096 / 100e9;
  CHECK(step.parts.message_s == Approx(message));
  const double layer = step.parts.layer_forward_s + step.parts.layer_backward_s;
  const double look_up = step.parts.embedding_forward_s + step.parts.embedding_backward_s;
  CHECK(parts.at(pipeline_bubble) == Approx(3 * 8 * layer + look_up + 6 * message).epsilon(1e-3));
  // A quarter of the GPUs did a quarter of the work in a quarter of the time.
  CHECK(step.mfu == Approx(whole.mfu / 4 * whole.seconds / step.seconds));
}

TEST_CASE("the optimizer and collectives of a pipeline are of the stage with most parameters") {
  Case given;
  const StepTimes whole = step_times(given.input());
  given.setting.training.pipeline_parallel = 4;
  const StepTimes step = step_times(given.input());
  // Eight layers and one of the two matrices of the vocabulary.
  const double layer = static_cast<double>(layer_parameters(given.setting.model));
  const double share = (8 * layer + 128256.0 * 4096) / (32 * layer + 2 * 128256.0 * 4096);
  CHECK(named(step.breakdown).at("optimizer") ==
        Approx(named(whole.breakdown).at("optimizer") * share));
}

TEST_CASE("A layer with a window waits for its host by itself") {
  Case given;
  StepInput input = given.input();
  const double other_s = step_times(input).parts.layer_forward_s - 2e-3;
  given.setting.runtime.host_layer_s = 12e-3;  // 6 ms a pass
  // Half of the layers with 20 ms of attention, half with 2: these wait.
  input.attention = {{0.5, {20e-3, 20e-3, 0, 0, 0}, {}}, {0.5, {2e-3, 2e-3, 0, 0, 0}, {}}};
  CHECK(other_s < 4e-3);
  const StepTimes step = step_times(input);
  CHECK(step.parts.layer_forward_s == Approx((20e-3 + other_s + 6e-3) / 2));
  CHECK(named(step.breakdown).at("attention_compute") == Approx(32 * 11e-3));
  CHECK(step.seconds == sum(step.breakdown));
}
