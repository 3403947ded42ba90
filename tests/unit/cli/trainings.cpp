#include "cli/trainings.hpp"

#include <catch2/catch.hpp>

#include "hsap/export.hpp"

using namespace hsap;
using namespace hsap::cli;

TEST_CASE("what is not given is one way to train, the usual") {
  const auto trainings = read_trainings({}, 2, 8);
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
  const auto trainings =
      read_trainings({"3,1", "all", "all", "", "all", 64, Training::Loss::plain, 16}, 2, 4);
  REQUIRE(trainings);
  REQUIRE(trainings->size() == 2 * 4 * 3 * 2);  // 1, 2 and 4 GPUs of a node of four
  CHECK(trainings->front().zero == 3);
  CHECK(trainings->at(1).weight_gradients == Dtype::fp32);
  CHECK(trainings->at(2).tensor_parallel == 2);
  CHECK(trainings->at(6).checkpointing == Training::Checkpointing::norms);
  CHECK(trainings->at(12).checkpointing == Training::Checkpointing::selective);
  CHECK(trainings->back().zero == 1);
  CHECK(trainings->back().tensor_parallel == 4);
  CHECK(trainings->back().global_batch == 64);
  CHECK(trainings->back().loss == Training::Loss::plain);
  CHECK(trainings->back().loss_chunks == 16);
}

TEST_CASE("stages are dealt out over nodes, and virtual ones wherever there are several") {
  TrainingOptions options;
  options.pipeline_parallel = "all";
  options.virtual_stages = 5;
  const auto trainings = read_trainings(options, 6, 8);
  REQUIRE(trainings);
  REQUIRE(trainings->size() == 4);  // 1, 2, 3 and 6 of six nodes
  CHECK(trainings->front().pipeline_parallel == 1);
  CHECK(trainings->front().virtual_stages == 1);
  CHECK(trainings->back().pipeline_parallel == 6);
  CHECK(trainings->back().virtual_stages == 5);
  options.pipeline_parallel = "1";  // then it is a mistake, which the search tells
  CHECK(read_trainings(options, 6, 8)->front().virtual_stages == 5);
}

TEST_CASE("what is not given is as the trainer has it") {
  const Training usual = usual_training(Target::torchtitan);
  const auto trainings = read_trainings({"2", "", "", "", ""}, 2, 8, usual);
  REQUIRE(trainings);
  CHECK(trainings->front().zero == 2);
  CHECK(trainings->front().checkpointing == usual.checkpointing);
  CHECK(trainings->front().weight_gradients == Dtype::fp32);
}

TEST_CASE("a bad part of a list is told with its flag") {
  CHECK(read_trainings({"1,4", "", "", "", ""}, 2, 8).error().file == "--zero");
  CHECK(read_trainings({"1,", "", "", "", ""}, 2, 8).error().file == "--zero");
  CHECK(read_trainings({"", "some", "", "", ""}, 2, 8).error().file == "--checkpointing");
  CHECK(read_trainings({"", "", "0", "", ""}, 2, 8).error().file == "--tensor-parallel");
  CHECK(read_trainings({"", "", "", "1,0", ""}, 2, 8).error().file == "--pipeline-parallel");
  CHECK(read_trainings({"", "", "", "", "fp16"}, 2, 8).error().file == "--weight-gradients");
}
