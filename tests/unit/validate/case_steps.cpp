// Measured training steps: reading and predicting them.
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hsap/simulate.hpp"
#include "simulate/training/rates.hpp"
#include "unit/validate/cases.hpp"
#include "validate/cases/messages.hpp"
#include "validate/cases/statistics.hpp"

namespace hsap::cases {
namespace {

const std::string step = R"({"name": "x", "group": "g", "nodes": 2, "gpus_per_node": 8,
  "documents": [4096, 4096], "mask": "full", "training": {"zero": 2, "checkpointing": "full",
  "tensor_parallel": 2, "global_batch": 12, "weight_gradients": "fp32",
  "loss_chunks": 4}, "strategy": {"ulysses": 1, "context_parallel": 2,
  "layout": "zigzag"}, "measured_s": 1})";

/// Of a shipped file: each case's group and how far its prediction is off.
std::vector<std::pair<std::string, double>> errors_of(const std::string& name) {
  const Result<CaseFile> file = read_cases(HSAP_SOURCE_ROOT "/validate/cases/" + name);
  if (!file) FAIL(file.error().text());
  const auto outcomes = predict_all(*file, 1);
  if (!outcomes) FAIL(outcomes.error().text());
  std::vector<std::pair<std::string, double>> errors;
  for (const Outcome& outcome : *outcomes) {
    errors.emplace_back(outcome.item->group, outcome.error());
  }
  return errors;
}

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
  json::Value mixed = value;
  mixed["cases"].push_back(json::Value::parse(step));
  CHECK(error_of(mixed) ==
        "cases.json: /cases/1/group: a group measures one thing; found seconds and bytes in 'g', "
        "expected a group for each");
  mixed["cases"][1]["group"] = "seconds";
  CHECK(parse_cases(mixed, "cases.json"));
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
    CHECK(std::abs(outcome.error()) < 0.0785);
    if (outcome.item->group == "steps") told.push_back(outcome);
  }
  REQUIRE(told.size() == 7);
  CHECK(statistics("steps", told).mape < 0.0475);
}

TEST_CASE("Published long sequences, and their memory, are predicted as README says") {
  for (const auto& [group, error] : errors_of("steps-trl-h100.json")) {
    CHECK(std::abs(error) < 0.097);
  }
  for (const auto& [group, error] : errors_of("memory-trl-h100.json")) {
    CHECK(std::abs(error) < (group == "Qwen3-8B" ? 0.295 : 0.105));
  }
  for (const auto& [group, error] : errors_of("memory-torchtitan-h100.json")) {
    CHECK(std::abs(error) < (group == "8B, ring of 1 to 8" ? 0.02 : 0.265));
  }
}

TEST_CASE("Published steps over pipeline stages are predicted as docs/accuracy.md says") {
  // Nothing is fitted to these.
  const auto check = [](const std::string& name, int cases, double largest) {
    INFO(name);
    for (const auto& [group, error] : errors_of(name)) {
      if (group != "405B") continue;
      CHECK(std::abs(error) < largest);
      --cases;
    }
    CHECK(cases == 0);
  };
  check("steps-dgx-h100-pipelines.json", 5, 0.05);
  check("steps-dgx-b200-pipelines.json", 2, 0.04);
  check("steps-torchtitan-h100.json", 3, 0.055);
}

TEST_CASE("A step's collectives take what those of the engine do") {
  for (const char* name : {"a800", "dgx-a100", "dgx-b200", "dgx-h100", "fit-a800", "fit-h800",
                           "gb200-nvl72", "h800", "hgx-h200", "l20x8-pcie", "qiyuan", "zhipu"}) {
    for (const int nodes : {1, 2, 4}) {
      const Cluster cluster = *Cluster::build(*load_cluster(name), nodes);
      const Collective gather{Collective::Kind::all_gather, std::int64_t{1} << 38};
      const Schedule schedule = *schedule_of(gather, cluster);
      const double engine_s = simulate(schedule, cluster, *load_runtime("ideal"))->seconds;
      const double step_s = collective_seconds(cluster, 0x1p38, cluster.gpus(), 1);
      INFO(name << ", " << nodes << " nodes");
      // There messages to the next GPU and to the next node share PCIe.
      const bool shared = std::string_view(name) == "l20x8-pcie" && nodes > 1;
      CHECK(step_s == Approx(engine_s).epsilon(shared ? 0.2 : 0.01));
    }
  }
}

}  // namespace hsap::cases
