#include "cli/trainings.hpp"

#include <catch2/catch.hpp>

#include "hsap/export.hpp"

using namespace hsap;
using namespace hsap::cli;

namespace {

const Model dense = *load_model("llama3-8b");

Cluster nodes_of_eight(int nodes) { return *Cluster::build(*load_cluster("dgx-h100"), nodes); }

}  // namespace

TEST_CASE("what is not given is one way to train, the usual") {
  const auto trainings = read_trainings({}, nodes_of_eight(2), dense);
  REQUIRE(trainings);
  REQUIRE(trainings->size() == 1);
  CHECK(trainings->front().zero == 1);
  CHECK(trainings->front().checkpointing == Training::Checkpointing::selective);
  CHECK(trainings->front().tensor_parallel == 1);
  CHECK(trainings->front().global_batch == 0);
  CHECK(trainings->front().weight_gradients == Dtype::bf16);
  CHECK(trainings->front().loss_chunks == 1);
}

TEST_CASE("lists of training flags are multiplied, ZeRO slowest") {
  const auto trainings = read_trainings({"3,1", "all", "all", "", "", "all", "", 64,
                                         Training::Loss::plain, Training::Matmul::fp8, 16},
                                        nodes_of_eight(2), dense);
  REQUIRE(trainings);
  REQUIRE(trainings->size() == 2 * 4 * 4 * 2);  // 1, 2, 4 and 8 GPUs of a node
  CHECK(trainings->front().zero == 3);
  CHECK(trainings->at(1).weight_gradients == Dtype::fp32);
  CHECK(trainings->at(2).tensor_parallel == 2);
  CHECK(trainings->at(8).checkpointing == Training::Checkpointing::norms);
  CHECK(trainings->at(16).checkpointing == Training::Checkpointing::selective);
  CHECK(trainings->back().zero == 1);
  CHECK(trainings->back().tensor_parallel == 8);
  CHECK(trainings->back().global_batch == 64);
  CHECK(trainings->back().loss == Training::Loss::plain);
  CHECK(trainings->back().matmul == Training::Matmul::fp8);
  CHECK(trainings->back().loss_chunks == 16);
}

TEST_CASE("what a list names twice is searched once") {
  TrainingOptions options;
  options.zero = "1,3,1";
  CHECK(read_trainings(options, nodes_of_eight(1), dense)->size() == 2);
}

TEST_CASE("stages are dealt out over nodes, and virtual ones wherever there are several") {
  TrainingOptions options;
  options.pipeline_parallel = "all";
  options.virtual_stages = 5;
  const auto trainings = read_trainings(options, nodes_of_eight(6), dense);
  REQUIRE(trainings);
  REQUIRE(trainings->size() == 4);  // 1, 2, 3 and 6 of six nodes
  CHECK(trainings->front().pipeline_parallel == 1);
  CHECK(trainings->front().virtual_stages == 1);
  CHECK(trainings->back().pipeline_parallel == 6);
  CHECK(trainings->back().virtual_stages == 5);
  options.pipeline_parallel = "1";  // then it is a mistake, which the search tells
  CHECK(read_trainings(options, nodes_of_eight(6), dense)->front().virtual_stages == 5);
}

TEST_CASE("experts are dealt out over divisors of them and of the GPUs") {
  TrainingOptions options;
  options.expert_parallel = "all";
  const Model experts = *load_model("qwen3-30b-a3b");
  const auto trainings = read_trainings(options, nodes_of_eight(6), experts);
  REQUIRE(trainings);
  REQUIRE(trainings->size() == 5);  // 1, 2, 4, 8 and 16 of 48 GPUs for 128 experts
  CHECK(trainings->back().expert_parallel == 16);
  CHECK(read_trainings(options, nodes_of_eight(6), dense)->size() == 1);
}

TEST_CASE("degrees that cannot be are errors of their flags") {
  const Cluster cluster = nodes_of_eight(6);
  Setting setting;
  setting.cluster = &cluster;
  setting.model = *load_model("qwen3-30b-a3b");
  const auto place = [&](const Training& training) {
    setting.training = training;
    const Status checked = check_training(setting);
    return checked ? std::string() : checked.error().file;
  };
  Training training;
  CHECK(place(training).empty());
  training.expert_parallel = 32;  // do not fill 48 GPUs
  CHECK(place(training) == "--expert-parallel");
  training.expert_parallel = 3;  // do not divide 128 experts
  CHECK(place(training) == "--expert-parallel");
  training.pipeline_parallel = 5;
  CHECK(place(training) == "--pipeline-parallel");
  training.tensor_parallel = 16;
  CHECK(place(training) == "--tensor-parallel");
  setting.model = dense;
  training = {};
  training.virtual_stages = 2;  // of one stage
  CHECK(place(training) == "--virtual-stages");
  training = {};
  training.expert_parallel = 2;
  CHECK(place(training) == "--expert-parallel");
}

TEST_CASE("FP8 takes a device whose rate is known") {
  const Cluster hopper = nodes_of_eight(1);
  Setting setting;
  setting.cluster = &hopper;
  setting.model = dense;
  setting.training.matmul = Training::Matmul::fp8;
  REQUIRE(hopper.spec().device.matmul_fp8_flop_per_s > 0);
  CHECK(check_training(setting));
  const Cluster ampere = *Cluster::build(*load_cluster("dgx-a100"), 1);
  setting.cluster = &ampere;
  const Status refused = check_training(setting);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().file == "--matmul");
  CHECK(refused.error().text().find("A100") != std::string::npos);
}

TEST_CASE("activations are offloaded beside full checkpointing") {
  TrainingOptions options;
  options.checkpointing = "selective,full";
  options.offload = "all";
  const auto some = read_trainings(options, nodes_of_eight(1), dense);
  REQUIRE(some);
  REQUIRE(some->size() == 3);
  CHECK(some->front().checkpointing == Training::Checkpointing::selective);
  CHECK(some->front().offload == Training::Offload::none);
  CHECK(some->at(1).offload == Training::Offload::none);
  CHECK(some->at(2).offload == Training::Offload::activations);
  options.offload = "activations";
  CHECK(read_trainings(options, nodes_of_eight(1), dense)->size() == 1);
  // Nothing is left of a wrong question, so that it can be told.
  options.checkpointing = "selective";
  const auto none = read_trainings(options, nodes_of_eight(1), dense);
  REQUIRE(none->size() == 1);
  const Cluster hopper = nodes_of_eight(1);
  Setting setting;
  setting.cluster = &hopper;
  setting.model = dense;
  setting.training = none->front();
  CHECK(check_training(setting).error().file == "--offload");
  setting.training.checkpointing = Training::Checkpointing::full;
  CHECK(check_training(setting));
  const Cluster unknown = *Cluster::build(*load_cluster("h800"), 1);
  setting.cluster = &unknown;
  CHECK(check_training(setting).error().text().find("h800") != std::string::npos);
}

TEST_CASE("what is not given is as the trainer has it") {
  const Training usual = usual_training(Target::torchtitan);
  TrainingOptions options;
  options.zero = "2";
  const auto trainings = read_trainings(options, nodes_of_eight(2), dense, usual);
  REQUIRE(trainings);
  CHECK(trainings->front().zero == 2);
  CHECK(trainings->front().checkpointing == usual.checkpointing);
  CHECK(trainings->front().weight_gradients == Dtype::fp32);
}

TEST_CASE("a bad part of a list is told with its flag") {
  const auto place = [](std::string TrainingOptions::*flag, const char* list) {
    TrainingOptions options;
    options.*flag = list;
    return read_trainings(options, nodes_of_eight(2), dense).error().file;
  };
  using Options = TrainingOptions;
  CHECK(place(&Options::zero, "1,4") == "--zero");
  CHECK(place(&Options::zero, "1,") == "--zero");
  CHECK(place(&Options::checkpointing, "some") == "--checkpointing");
  CHECK(place(&Options::tensor_parallel, "0") == "--tensor-parallel");
  CHECK(place(&Options::pipeline_parallel, "1,0") == "--pipeline-parallel");
  CHECK(place(&Options::expert_parallel, "8,x") == "--expert-parallel");
  CHECK(place(&Options::weight_gradients, "fp16") == "--weight-gradients");
}
