// Measured cases: reading them, predicting each kind, and the statistics.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <random>

#include "hsap/compile.hpp"
#include "hsap/cost.hpp"
#include "hsap/simulate.hpp"
#include "validate/cases/predict_case.hpp"
#include "validate/cases/statistics.hpp"

namespace hsap::cases {
namespace {

json::Value file_with(const std::string& items) {
  return json::Value::parse(R"({"schema": "hsap.cases/1", "source": "a test", "cluster": "dgx-h100",
                                "runtime": "ideal", "cases": [)" +
                            items + "]}");
}

CaseFile good(const std::string& items) {
  Result<CaseFile> file = parse_cases(file_with(items), "cases.json");
  if (!file) FAIL(file.error().text());
  return std::move(*file);
}

std::string error_of(const json::Value& value) {
  const Result<CaseFile> file = parse_cases(value, "cases.json");
  REQUIRE_FALSE(file);
  return file.error().text();
}

double seconds_of(const CaseFile& file) {
  const Result<double> seconds = predict_case(file, file.cases.front());
  if (!seconds) FAIL(seconds.error().text());
  return *seconds;
}

const std::string attention = R"("name": "x", "group": "g", "nodes": 1, "gpus_per_node": 8,
  "documents": [4096, 4096], "heads": 32, "kv_heads": 8, "head_dim": 128, "mask": "causal",
  "dtype": "bf16", "pass": "both", "strategy": {"context_parallel": 8, "exchange": "ring"},
  "measured_s": 0.001)";

const std::string step = R"({"name": "x", "group": "g", "nodes": 2, "gpus_per_node": 8,
  "documents": [4096, 4096], "mask": "full", "training": {"zero": 2, "checkpointing": "full",
  "tensor_parallel": 2, "global_batch": 12, "weight_gradients": "fp32",
  "loss_chunks": 4}, "strategy": {"ulysses": 1, "context_parallel": 2,
  "layout": "zigzag"}, "measured_s": 1})";

std::string degrees(int ulysses, int context_parallel) {
  return fmt::format(R"("ulysses": {}, "context_parallel": {})", ulysses, context_parallel);
}

}  // namespace

TEST_CASE("Kendall's tau-b by hand") {
  const std::vector<double> up{1, 2, 3, 4};
  const std::vector<double> down{4, 3, 2, 1};
  CHECK(kendall_tau(up, up) == 1);
  CHECK(kendall_tau(up, down) == -1);
  CHECK(kendall_tau(up, std::vector<double>{1, 3, 2, 4}) == Approx(4.0 / 6));
  // A tie in b: 5 pairs agree, none disagrees; 6 untied pairs in a and 5 in b.
  CHECK(kendall_tau(up, std::vector<double>{1, 2, 2, 3}) == Approx(5 / std::sqrt(30.0)));
  CHECK(std::isnan(kendall_tau(up, std::vector<double>{1, 1, 1, 1})));
  CHECK(std::isnan(kendall_tau({}, {})));
}

TEST_CASE("Kendall's tau-b is that of all pairs, and of a million cases too") {
  std::mt19937_64 random(1);
  const auto numbers = [&](std::size_t count, std::uint64_t values) {
    std::vector<double> out(count);
    for (double& x : out) x = static_cast<double>(random() % values);
    return out;
  };
  for (const std::uint64_t values : {2U, 5U, 1000U}) {
    const std::vector<double> a = numbers(60, values);
    const std::vector<double> b = numbers(60, values);
    double agreeing = 0, untied_a = 0, untied_b = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const double order_a = (a[i] > a[j]) - (a[i] < a[j]);
        const double order_b = (b[i] > b[j]) - (b[i] < b[j]);
        agreeing += order_a * order_b;
        untied_a += std::abs(order_a);
        untied_b += std::abs(order_b);
      }
    }
    CHECK(kendall_tau(a, b) == agreeing / std::sqrt(untied_a * untied_b));
  }
  const std::vector<double> many = numbers(1 << 20, 1U << 30);
  CHECK(kendall_tau(many, many) == 1);
}

TEST_CASE("Errors of a group by hand") {
  // +10 %, -20 %, +30 %, 0 %.
  std::vector<Case> items(4);
  const double measured[] = {1, 1, 2, 4};
  const double predicted[] = {1.1, 0.8, 2.6, 4};
  std::vector<Outcome> outcomes;
  for (std::size_t i = 0; i < 4; ++i) {
    items[i].group = i < 2 ? "a" : "b";
    items[i].measured_s = measured[i];
    outcomes.push_back({&items[i], predicted[i]});
  }
  const std::vector<Statistics> all = by_group(outcomes);
  REQUIRE(all.size() == 3);
  CHECK(all[0].group == "a");
  CHECK(all[0].mape == Approx(0.15));
  CHECK(all[0].bias == Approx(-0.05));
  CHECK(all[2].group == "all");
  CHECK(all[2].cases == 4);
  CHECK(all[2].mape == Approx(0.15));
  CHECK(all[2].median == Approx(0.15));
  CHECK(all[2].p90 == Approx(0.3));
  CHECK(all[2].bias == Approx(0.05));
  CHECK(all[2].tau == Approx(5 / std::sqrt(5.0 * 6)));
}

TEST_CASE("Attention is predicted as hsap-sim does") {
  const CaseFile file = good("{" + attention + "}");
  const Attention& work = std::get<Attention>(file.cases.front().work);
  const Result<Cluster> cluster = Cluster::build(file.cluster, 1);
  REQUIRE(cluster);
  double expected = 0;
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    const auto schedule = compile(work.problem, work.strategy, pass);
    REQUIRE(schedule);
    expected += simulate(*schedule, *cluster, file.runtime)->seconds;
  }
  CHECK(seconds_of(file) == expected);
}

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

TEST_CASE("A strategy that leaves out its inner degree has that of the nodes") {
  const auto seconds = [](const std::string& inner) {
    return seconds_of(good(R"({"name": "x", "group": "g", "nodes": 2, "gpus_per_node": 8,
      "documents": [262144], "heads": 32, "kv_heads": 8, "head_dim": 128, "mask": "causal",
      "dtype": "bf16", "pass": "forward", "measured_s": 0.001,
      "strategy": {"context_parallel": 16, "exchange": "hierarchical")" +
                           inner + "}}"));
  };
  CHECK(seconds("") == seconds(R"(, "inner_degree": 8)"));
  CHECK(seconds("") < seconds(R"(, "inner_degree": 16)"));
}

TEST_CASE("A degree that is left out follows from the GPUs") {
  const auto seconds = [](const std::string& gpus, const std::string& strategy) {
    return seconds_of(good(R"({"name": "x", "group": "g", "documents": [65536], "heads": 32,
      "kv_heads": 8, "head_dim": 128, "mask": "causal", "pass": "forward", "measured_s": 1, )" +
                           gpus + R"(, "strategy": {)" + strategy + "}}"));
  };
  const std::string two_nodes = R"("nodes": 2)";
  const std::string whole = degrees(8, 2);
  CHECK(seconds(two_nodes, R"("ulysses": 8)") == seconds(two_nodes, whole));
  CHECK(seconds(two_nodes, R"("context_parallel": 2)") == seconds(two_nodes, whole));
  CHECK(seconds(two_nodes, "") == seconds(two_nodes, degrees(1, 16)));
  CHECK(seconds(R"("gpus_per_node": 4)", "") == seconds(R"("gpus_per_node": 4)", degrees(1, 4)));
}

TEST_CASE("Copies of a smaller group fill the GPUs") {
  json::Value value = file_with("{" + attention + "}");
  value["cases"][0]["pass"] = "forward";
  value["cases"][0]["strategy"] = {{"ulysses", 1}, {"context_parallel", 4}};
  const Result<CaseFile> file = parse_cases(value, "cases.json");
  REQUIRE(file);
  const Attention& work = std::get<Attention>(file->cases.front().work);
  const Result<Cluster> cluster = Cluster::build(file->cluster, 1);
  const Result<Schedule> schedule = compile(work.problem, work.strategy, Pass::forward);
  REQUIRE((cluster && schedule));
  const auto run = simulate(*schedule, *cluster, file->runtime, {.replicas = 2});
  REQUIRE(run);
  CHECK(seconds_of(*file) == run->seconds);
}

TEST_CASE("A run on a part of each node is one on nodes of so many GPUs") {
  const auto seconds = [](const std::string& cluster, const std::string& item) {
    json::Value value = file_with(item);
    value["cluster"] = json::Value::parse(cluster);
    const Result<CaseFile> file = parse_cases(value, "cases.json");
    if (!file) FAIL(file.error().text());
    return seconds_of(*file);
  };
  const auto node_of = [](int gpus) {
    const Result<json::Value> shipped =
        json::read(std::string(HSAP_SOURCE_ROOT) + "/topologies/dgx-h100.json");
    REQUIRE(shipped);
    json::Value cluster = *shipped;
    const std::string all = fmt::format("[0-{}]", gpus - 1);
    cluster["node"]["devices"] = {
        {"gpu", gpus}, {"nvswitch", 1}, {"pcie_switch", gpus}, {"cpu", 1}, {"nic", gpus}};
    cluster["node"]["links"] = {{"gpu" + all, "nvswitch0", "nvlink"},
                                {"gpu" + all, "pcie_switch" + all, "pcie"},
                                {"nic" + all, "pcie_switch" + all, "pcie"},
                                {"pcie_switch" + all, "cpu0", "pcie"}};
    return cluster.dump();
  };
  const std::string run = R"({"name": "x", "group": "g", "nodes": 2, "gpus_per_node": 4,
    "documents": [65536], "heads": 32, "kv_heads": 8, "head_dim": 128, "mask": "causal",
    "pass": "both", "measured_s": 1, "strategy": {"ulysses": 4, "context_parallel": 2}})";
  CHECK(seconds(node_of(8), run) == Approx(seconds(node_of(4), run)));
  for (const std::string kind : {"all_gather", "all_reduce", "all_to_all"}) {
    const std::string item = R"({"name": "x", "group": "g", "nodes": 2, "gpus_per_node": 4,
      "bytes": 67108864, "measured_s": 1, "collective": ")" +
                             kind + "\"}";
    CHECK(seconds(node_of(8), item) == Approx(seconds(node_of(4), item)));
  }
}

TEST_CASE("A kernel is predicted by the cost model alone") {
  const CaseFile file = good(R"({"name": "x", "group": "g", "heads": 16, "head_dim": 128,
    "mask": "causal", "pass": "backward", "kernel": {"query": 1024, "key": 2048},
    "measured_s": 1})");
  const Slice slice{make_interval(0, 1024), make_interval(0, 2048), SliceKind::causal};
  CHECK(seconds_of(file) ==
        attention_seconds({&slice, 1}, 16, 128, Pass::backward, file.cluster.device));
  const CaseFile packed = good(R"({"name": "x", "group": "g", "heads": 16, "head_dim": 128,
    "mask": "full", "pass": "forward", "documents": [100, 300], "measured_s": 1})");
  CHECK(std::get<Kernel>(packed.cases.front().work).slices.size() == 2);
}

TEST_CASE("One transfer takes the latency and its bytes over the bandwidth of the route") {
  const CaseFile file = good(R"({"name": "x", "group": "g", "nodes": 2, "transfers": [[0, 8]],
    "bytes": 1048576, "measured_s": 1})");
  const Result<Cluster> cluster = Cluster::build(file.cluster, 2);
  REQUIRE(cluster);
  const Route route = cluster->route(0, 8);
  CHECK(seconds_of(file) ==
        Approx(route.latency_s + (1048576 + route.ramp_bytes) / route.bandwidth_bytes_per_s));
}

TEST_CASE("An all-reduce is a reduce-scatter and an all-gather in one go") {
  const auto collective = [](const std::string& kind) {
    return seconds_of(good(R"({"name": "x", "group": "g", "nodes": 2, "collective": ")" + kind +
                           R"(", "bytes": 67108864, "measured_s": 1})"));
  };
  const double parts = collective("reduce_scatter") + collective("all_gather");
  CHECK(collective("all_reduce") < parts);
  CHECK(collective("all_reduce") > 0.5 * parts);
  CHECK(collective("all_to_all") > 0);
}

TEST_CASE("Two parts at once take the longer one's time where nothing is in the way") {
  const auto overlap = [](const std::string& compute, const std::string& communication) {
    return seconds_of(good(R"({"name": "x", "group": "g", "nodes": 4, "measured_s": 1,
      "overlap": {"compute_s": )" +
                           compute + R"(, "communication_s": )" + communication + "}}"));
  };
  CHECK(overlap("2e-3", "1e-3") == Approx(2e-3));
  CHECK(overlap("1e-3", "3e-3") == Approx(3e-3));
  const CaseFile brief = good(R"({"name": "x", "group": "g", "measured_s": 1,
    "overlap": {"compute_s": 1, "communication_s": 1e-9}})");
  CHECK_FALSE(predict_case(brief, brief.cases.front()));
}

TEST_CASE("Calibration overrides numbers of the cluster") {
  json::Value value = file_with("{" + attention + "}");
  value["calibration"]["nvlink.bandwidth_bytes_per_s"] = 1e9;
  const Result<CaseFile> slow = parse_cases(value, "cases.json");
  REQUIRE(slow);
  CHECK(seconds_of(*slow) > 10 * seconds_of(good("{" + attention + "}")));
}

TEST_CASE("A bad calibration is told with its own place") {
  json::Value value = file_with("{" + attention + "}");
  const auto told = [&](const std::string& key, double number) {
    value["calibration"] = {{key, number}};
    return error_of(value);
  };
  CHECK(told("nic.latency_s", -1).find("cases.json: /calibration/nic.latency_s: out of range") ==
        0);
  CHECK(told("nic.latensy_s", 1).find("cases.json: /calibration: no such value; found 'nic.l") ==
        0);
  const auto told_of_runtime = [&] {
    CHECK(told("runtime.kernel_slowdown", 2)
              .find("cases.json: /calibration/runtime.kernel_slowdown: out of range") == 0);
    CHECK(told("runtime.kernel_slow", 1)
              .find("cases.json: /calibration: no such value; found 'runtime.kernel_slow'") == 0);
  };
  told_of_runtime();
  value["runtime"] = *json::read(std::string(HSAP_SOURCE_ROOT) + "/runtimes/ideal.json");
  told_of_runtime();
  const Result<json::Value> shipped =
      json::read(std::string(HSAP_SOURCE_ROOT) + "/topologies/dgx-h100.json");
  REQUIRE(shipped);
  value["cluster"] = *shipped;
  CHECK(told("nic.latency_s", -1).find("cases.json: /calibration/nic.latency_s: out of range") ==
        0);
  CHECK(told("nic.latensy_s", 1).find("cases.json: /calibration: no such value; found 'nic.l") ==
        0);
}

TEST_CASE("A case may run under a runtime of its own") {
  const CaseFile file =
      good("{" + attention + "}, {" + attention + R"(, "runtime": "transformer-engine"})");
  const Result<Runtime> other = load_runtime("transformer-engine");
  REQUIRE(other);
  CaseFile all_other = good("{" + attention + "}");
  all_other.runtime = *other;
  CHECK(*predict_case(file, file.cases[1]) == seconds_of(all_other));
  CHECK(*predict_case(file, file.cases[1]) > seconds_of(file));
}

TEST_CASE("Bad case files") {
  json::Value value = file_with("{" + attention + "}");
  value["cases"][0]["measured_s"] = 0;
  CHECK(error_of(value).find("/cases/0/measured_s: out of range; found 0") != std::string::npos);
  value = file_with("{" + attention + "}");
  value["cases"][0]["strategy"]["exchange"] = "rings";
  CHECK(error_of(value).find("/cases/0/strategy/exchange: unknown exchange") != std::string::npos);
  value = file_with("{" + attention + "}");
  value["cases"][0]["heads"] = 12;
  CHECK(error_of(value).find("/cases/0/kv_heads") != std::string::npos);
  value = file_with("{" + attention + "}");
  value["cases"][0]["documents"] = {std::int64_t{1} << 60};
  CHECK(error_of(value).find("/cases/0/documents") != std::string::npos);
  value = file_with("{" + attention + "}");
  value["runtime"] = 7;
  CHECK(
      error_of(value) ==
      "cases.json: /runtime: no name and no object; found 7, expected a name, a path or an object");
  value = file_with("{" + attention + "}");
  value["calibration"] = {{"nic.bandwidth_bytes_per_s", "fast"}};
  CHECK(error_of(value).find("/calibration") != std::string::npos);
  value = file_with(R"({"name": "x", "group": "g", "transfers": [[0, 9]], "bytes": 1,
                        "measured_s": 1})");
  CHECK(error_of(value).find("/cases/0/transfers: no pair of GPUs; found an array of 2") !=
        std::string::npos);
  CHECK(error_of(file_with("")).find("/cases: no cases") != std::string::npos);
}

TEST_CASE("A strategy that does not fit its nodes is told with its case") {
  json::Value value = file_with("{" + attention + "}");
  value["cases"][0]["gpus_per_node"] = 4;
  CHECK(error_of(value).find("cases.json: /cases/0/strategy/context_parallel: the degrees do not "
                             "multiply to the 4 ranks") == 0);
  value["cases"][0]["strategy"]["ulysses"] = 1;
  const Result<CaseFile> file = parse_cases(value, "cases.json");
  REQUIRE(file);
  const auto outcomes = predict_all(*file, 1);
  REQUIRE_FALSE(outcomes);
  CHECK(outcomes.error().text() ==
        "cases.json: /cases/0: the ranks of the strategy do not divide the GPUs; found 8 ranks on "
        "4 GPUs");
}

TEST_CASE("Published training steps on B200 are predicted as README says") {
  Result<CaseFile> file = read_cases(HSAP_SOURCE_ROOT "/validate/cases/steps-dgx-b200.json");
  REQUIRE(file);
  const auto outcomes = predict_all(*file, 1);
  REQUIRE(outcomes);
  std::vector<Outcome> told;  // the first row is what the rate of FP8 products is fitted to
  for (const Outcome& outcome : *outcomes) {
    CHECK(std::abs(outcome.error()) < 0.068);
    if (outcome.item->group == "steps") told.push_back(outcome);
  }
  REQUIRE(told.size() == 7);
  CHECK(statistics("steps", told).mape < 0.04);
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
  CHECK(std::abs(thousand[0]) < 0.01);
  for (const double error : thousand) CHECK(std::abs(error) < 0.1);
  const std::vector<double> bubbles = errors_of("steps-torchtitan-h100.json", "405B");
  REQUIRE(bubbles.size() == 3);
  for (const double error : bubbles) CHECK(std::abs(error) < 0.08);
}

TEST_CASE("Every shipped file predicts, alike on any number of threads") {
  const std::filesystem::path folder =
      std::filesystem::path(HSAP_SOURCE_ROOT) / "validate" / "cases";
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    ++files;
    INFO(entry.path());
    Result<CaseFile> file = read_cases(entry.path().string());
    if (!file) FAIL(file.error().text());
    CHECK_FALSE(file->source.empty());
    // A few from all over the file: whole files are for docs/accuracy.md.
    std::vector<Case> some;
    const std::size_t step = std::max<std::size_t>(1, file->cases.size() / 5);
    for (std::size_t i = 0; i < file->cases.size(); i += step) some.push_back(file->cases[i]);
    file->cases = some;
    const auto one = predict_all(*file, 1);
    const auto two = predict_all(*file, 2);
    if (!one) FAIL(one.error().text());
    REQUIRE(two);
    for (std::size_t i = 0; i < one->size(); ++i) {
      CHECK((*one)[i].predicted_s > 0);
      CHECK((*one)[i].predicted_s == (*two)[i].predicted_s);
    }
  }
  CHECK(files >= 15);
}

}  // namespace hsap::cases
