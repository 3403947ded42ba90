// Measured training steps: reading and predicting them.
#include <algorithm>
#include <cmath>

#include "unit/validate/cases.hpp"
#include "validate/cases/statistics.hpp"

namespace hsap::cases {
namespace {

const std::string step = R"({"name": "x", "group": "g", "nodes": 2, "gpus_per_node": 8,
  "documents": [4096, 4096], "mask": "full", "training": {"zero": 2, "checkpointing": "full",
  "tensor_parallel": 2, "global_batch": 12, "weight_gradients": "fp32",
  "loss_chunks": 4}, "strategy": {"ulysses": 1, "context_parallel": 2,
  "layout": "zigzag"}, "measured_s": 1})";

}  // namespace

TEST_CASE("A training step is predicted as hsap-sim does") {
  json::Value value = file_with(step);
  value["model"] = "llama3-8b";
  const Result<CaseFile> file = parse_cases(value, "cases.json");
  REQUIRE(file);
  // 16 GPUs in slices of two: four replicas of two ranks.
  const Result<Cluster> cluster = Cluster::build(file->cluster, 2);
  Setting setting;
  setting.cluster = &*cluster;
  setting.runtime = file->runtime;
  setting.model = *load_model("llama3-8b");
  setting.mask = *parse_mask("full");
  setting.training = {2, Training::Checkpointing::full, 2, 12, Dtype::fp32};
  const Strategy ring{.context_parallel = 2, .layout = Layout::zigzag, .inner_degree = 2};
  const Result<BatchPrediction> expected = predict(Batch{{4096, 4096}}, ring, setting);
  REQUIRE(expected);
  CHECK(seconds_of(*file) == expected->step->seconds);
  CHECK(std::get<Step>(file->cases.front().work).training.loss_chunks == 4);
}

TEST_CASE("A training step needs a model and groups that share its batches") {
  json::Value value = file_with(step);
  CHECK(error_of(value) ==
        "cases.json: /cases/0/training: a step of no model; found nothing, expected \"model\" here "
        "or "
        "beside the cases");
  value["model"] = "llama9-8b";
  CHECK(error_of(value).find("cases.json: /model: ") == 0);
  value["model"] = "llama3-8b";
  value["cases"][0]["training"]["tensor_parallel"] = 16;
  CHECK(error_of(value).find("/cases/0/training/tensor_parallel: out of range; found 16") !=
        std::string::npos);
  value["cases"][0]["training"] = {{"global_batch", 9}, {"tensor_parallel", 2}};
  const Result<CaseFile> file = parse_cases(value, "cases.json");
  REQUIRE(file);
  CHECK(predict_all(*file, 1).error().text() ==
        "cases.json: /cases/0: 4 replicas cannot share a global batch of 9 evenly");
}

TEST_CASE("A training step may have a model and stages of its own, and hide tensor parallelism") {
  json::Value value = file_with(step);
  value["model"] = "llama3-8b";
  const double small = seconds_of(*parse_cases(value, "cases.json"));
  value["cases"][0]["model"] = "llama3-70b";
  const double large = seconds_of(*parse_cases(value, "cases.json"));
  CHECK(large > 5 * small);
  value["calibration"] = {{"runtime.tensor_parallel_overlap", 1}};
  const double hidden = seconds_of(*parse_cases(value, "cases.json"));
  CHECK(hidden < large);
  value["cases"][0]["training"]["pipeline_parallel"] = 2;
  value["cases"][0]["training"]["virtual_stages"] = 4;
  const Result<CaseFile> file = parse_cases(value, "cases.json");
  REQUIRE(file);
  CHECK(std::get<Step>(file->cases.front().work).training.virtual_stages == 4);
  CHECK(seconds_of(*file) > hidden);  // half the replicas, the same bandwidth, and a bubble
  value["cases"][0]["training"]["pipeline_parallel"] = 16;
  value["cases"][0]["training"]["virtual_stages"] = 1;
  const Result<CaseFile> crowded = parse_cases(value, "cases.json");
  REQUIRE(crowded);
  CHECK(predict_all(*crowded, 1).error().text().find("16 GPUs") != std::string::npos);
  value["cases"][0]["model"] = "llama9-8b";
  CHECK(error_of(value).find("cases.json: /cases/0/model: ") == 0);
}

TEST_CASE("A training step may share out experts") {
  json::Value value = file_with(step);
  value["model"] = "qwen3-30b-a3b";
  const double each = seconds_of(*parse_cases(value, "cases.json"));
  value["cases"][0]["training"]["expert_parallel"] = 8;
  const Result<CaseFile> file = parse_cases(value, "cases.json");
  REQUIRE(file);
  CHECK(std::get<Step>(file->cases.front().work).training.expert_parallel == 8);
  CHECK(seconds_of(*file) != each);
  value["cases"][0]["training"]["expert_parallel"] = 5;
  const Result<CaseFile> uneven = parse_cases(value, "cases.json");
  REQUIRE(uneven);
  CHECK(predict_all(*uneven, 1).error().text().find("128 experts") != std::string::npos);
}

TEST_CASE("A training step may measure memory in place of seconds") {
  json::Value value = file_with(step);
  value["model"] = "llama3-8b";
  json::Value& item = value["cases"][0];
  item["measured_peak_bytes"] = 40e9;
  CHECK(error_of(value) ==
        "cases.json: /cases/0/measured_s: a case measures one thing; found \"measured_peak_bytes\" "
        "beside it, expected a case for each");
  item.erase("measured_s");
  const Result<CaseFile> file = parse_cases(value, "cases.json");
  REQUIRE(file);
  CHECK(file->cases.front().quantity == Quantity::peak_bytes);
  const auto outcomes = predict_all(*file, 1);
  REQUIRE(outcomes);
  const Outcome& outcome = outcomes->front();
  CHECK(outcome.predicted > 8.03e9);  // half the bf16 parameters alone
  CHECK(outcome.predicted < 80e9);
  CHECK(outcome.error() == outcome.predicted / 40e9 - 1);
  item["training"]["loss_chunks"] = 1;
  CHECK(predict_all(*parse_cases(value, "cases.json"), 1)->front().predicted > outcome.predicted);
  item.erase("training");
  item["pass"] = "forward";
  for (const char* key : {"heads", "head_dim"}) item[key] = 8;
  CHECK(error_of(value).find("/cases/0/measured_peak_bytes: memory of what is no training step") !=
        std::string::npos);
}

TEST_CASE("Published training steps on B200 are predicted as README says") {
  Result<CaseFile> file = read_cases(HSAP_SOURCE_ROOT "/validate/cases/steps-dgx-b200.json");
  REQUIRE(file);
  const auto outcomes = predict_all(*file, 1);
  REQUIRE(outcomes);
  std::vector<Outcome> told;  // the first row is what the rate of FP8 products is fitted to
  for (const Outcome& outcome : *outcomes) {
    CHECK(std::abs(outcome.error()) < 0.076);
    if (outcome.item->group == "steps") told.push_back(outcome);
  }
  REQUIRE(told.size() == 7);
  CHECK(statistics("steps", told).mape < 0.045);
}

TEST_CASE("Published long sequences, and their memory, are predicted as README says") {
  const auto largest_error = [](const std::string& name, const std::string& but) {
    const Result<CaseFile> file = read_cases(HSAP_SOURCE_ROOT "/validate/cases/" + name);
    if (!file) FAIL(file.error().text());
    const auto outcomes = predict_all(*file, 1);
    if (!outcomes) FAIL(outcomes.error().text());
    double largest = 0;
    for (const Outcome& outcome : *outcomes) {
      if (outcome.item->group != but) largest = std::max(largest, std::abs(outcome.error()));
    }
    return largest;
  };
  CHECK(largest_error("steps-trl-h100.json", "") < 0.095);
  CHECK(largest_error("memory-trl-h100.json", "Qwen3-8B") < 0.105);
  CHECK(largest_error("memory-torchtitan-h100.json", "") < 0.255);
}

TEST_CASE("Published steps over pipeline stages are predicted as docs/accuracy.md says") {
  const auto errors_of = [](const std::string& name, const std::string& group) {
    const Result<CaseFile> file = read_cases(HSAP_SOURCE_ROOT "/validate/cases/" + name);
    if (!file) FAIL(file.error().text());
    const auto outcomes = predict_all(*file, 1);
    if (!outcomes) FAIL(outcomes.error().text());
    std::vector<double> errors;
    for (const Outcome& outcome : *outcomes) {
      if (outcome.item->group == group) errors.push_back(outcome.error());
    }
    return errors;
  };
  // Nothing is fitted to these.
  const std::vector<double> thousand = errors_of("steps-dgx-h100-pipelines.json", "405B");
  REQUIRE(thousand.size() == 5);
  for (const double error : thousand) CHECK(std::abs(error) < 0.05);
  for (const double error : errors_of("steps-dgx-b200-pipelines.json", "405B")) {
    CHECK(std::abs(error) < 0.025);
  }
  const std::vector<double> bubbles = errors_of("steps-torchtitan-h100.json", "405B");
  REQUIRE(bubbles.size() == 3);
  for (const double error : bubbles) CHECK(std::abs(error) < 0.055);
}

}  // namespace hsap::cases
