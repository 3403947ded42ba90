#include "export/json/prediction.hpp"

#include <catch2/catch.hpp>

#include "export/json/text.hpp"
#include "support/golden.hpp"

using namespace hsap;

namespace {

/// Numbers that are exact in binary, so that means are exact too.
BatchPrediction batch(double scale) {
  BatchPrediction batch;
  batch.tokens = static_cast<Token>(1024 * scale);
  batch.documents = 3;
  batch.attention = {0.5 * scale, 0.75 * scale, 0.25, 0.125, 0.0625 * scale, 4096, 1024, 1.5};
  batch.bound = {0.25, 0.125, 0.5, 0.5};
  batch.step = StepTimes{8 * scale, 128, 0.5, {{"attention", 6 * scale}, {"linear", 2 * scale}}};
  batch.memory = {1 << 30, {{"weights", 3 << 28}, {"buffers", 1 << 28}}};
  batch.limit = "a test";
  batch.basis = {{"attention forward", Basis::Kind::calibrated, ""},
                 {"messages between nodes", Basis::Kind::extrapolated, "longer than measured"}};
  batch.events = 100;
  return batch;
}

Cluster cluster() {
  auto spec = load_cluster("dgx-h100");
  REQUIRE(spec);
  auto built = Cluster::build(*spec, 4);
  REQUIRE(built);
  return std::move(*built);
}

Prediction prediction() {
  Prediction prediction;
  prediction.strategy = {8, 4, Order::ulysses_inner, Layout::balanced, Exchange::p2p, 2};
  prediction.ranks = 32;
  prediction.replicas = 2;
  prediction.batches = {batch(1), batch(2)};
  prediction.step = StepTimes{14, 128, 0.5, {{"linear", 12}, {"waiting_for_replicas", 2}}};
  return prediction;
}

}  // namespace

TEST_CASE("the contract's JSON, whole") {
  test::check_golden(HSAP_GOLDEN "/prediction.json",
                     json_text(prediction_json(prediction(), cluster(), 0.5)));
}

TEST_CASE("a summary folds every number of the batches") {
  const json::Ordered summary = prediction_json(prediction(), cluster(), 0)["summary"];
  // (0.5 + 1.0) / 2 and max(0.5, 1.0); (6 + 12) / 2.
  CHECK(summary["mean"]["attention"]["forward_s"] == 0.75);
  CHECK(summary["max"]["attention"]["forward_s"] == 1.0);
  CHECK(summary["mean"]["step"]["breakdown"]["attention"] == 9.0);
  CHECK(summary["max"]["tokens"] == 2048);
  CHECK_FALSE(summary["mean"].contains("limit"));
}

TEST_CASE("attention without a model has no step") {
  Prediction attention = prediction();
  for (BatchPrediction& batch : attention.batches) batch.step.reset();
  attention.step.reset();
  const json::Ordered json = prediction_json(attention, cluster(), 0);
  CHECK_FALSE(json.contains("step"));
  CHECK_FALSE(json["batches"][0].contains("step"));
  CHECK_FALSE(json["summary"]["mean"].contains("step"));
}
