// Measured cases: reading them, and predicting each kind but training steps.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "hsap/compile.hpp"
#include "hsap/cost.hpp"
#include "hsap/simulate.hpp"
#include "unit/validate/cases.hpp"
#include "validate/cases/statistics.hpp"

namespace hsap::cases {
namespace {

const std::string attention = R"("name": "x", "group": "g", "nodes": 1, "gpus_per_node": 8,
  "documents": [4096, 4096], "heads": 32, "kv_heads": 8, "head_dim": 128, "mask": "causal",
  "dtype": "bf16", "pass": "both", "strategy": {"context_parallel": 8, "exchange": "ring"},
  "measured_s": 0.001)";

std::string degrees(int ulysses, int context_parallel) {
  return fmt::format(R"("ulysses": {}, "context_parallel": {})", ulysses, context_parallel);
}

}  // namespace

TEST_CASE("Attention is predicted as hsap-sim does") {
  const CaseFile file = good("{" + attention + "}");
  const Attention& work = std::get<Attention>(file.cases.front().work);
  const Result<Cluster> cluster = Cluster::build(file.cluster, 1);
  REQUIRE(cluster);
  double expected = 0;
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    const auto schedule = compile(work.problems.front(), work.strategy, pass);
    REQUIRE(schedule);
    expected += simulate(*schedule, *cluster, file.runtime)->seconds;
  }
  CHECK(seconds_of(file) == expected);
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
  const Result<Schedule> schedule = compile(work.problems.front(), work.strategy, Pass::forward);
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

TEST_CASE("A case takes as long as the replica that lies across nodes") {
  json::Value value = file_with("{" + attention + "}");
  value["cases"][0]["pass"] = "forward";
  value["cases"][0]["nodes"] = 3;
  value["cases"][0]["strategy"] = {{"ulysses", 1}, {"context_parallel", 6}};
  const Result<CaseFile> file = parse_cases(value, "cases.json");
  REQUIRE(file);
  const Attention& work = std::get<Attention>(file->cases.front().work);
  const Result<Cluster> cluster = Cluster::build(file->cluster, 3);
  const Result<Schedule> schedule = compile(work.problems.front(), work.strategy, Pass::forward);
  REQUIRE((cluster && schedule));
  const auto copy = [&](int told) {
    return simulate(*schedule, *cluster, file->runtime, {.replicas = 4, .told = told})->seconds;
  };
  CHECK(seconds_of(*file) == std::max(copy(1), copy(2)));  // 6 7|8 to 11, 12 to 15|16 17
  CHECK(seconds_of(*file) > 1.1 * copy(0));
}

TEST_CASE("Several batches are predicted as the mean of each") {
  const auto seconds = [](const std::string& batches) {
    return seconds_of(good(R"({"name": "x", "group": "g", "heads": 16, "head_dim": 128,
      "mask": "causal", "pass": "both", "strategy": {"context_parallel": 4},
      "gpus_per_node": 4, "measured_s": 1, )" +
                           batches + "}"));
  };
  const double one = seconds(R"("documents": [16384])");
  const double two = seconds(R"("documents": [8192, 8192])");
  CHECK(one > 1.1 * two);
  CHECK(seconds(R"("batches": [{"documents": [16384]}, {"documents": [8192, 8192]}])") ==
        Approx((one + two) / 2));
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
  const CaseFile ends = good(R"({"name": "x", "group": "g", "heads": 16, "head_dim": 128,
    "mask": "causal", "pass": "forward", "kernel": {"query": 64, "key": 96, "documents": 3},
    "measured_s": 1})");
  const auto& slices = std::get<Kernel>(ends.cases.front().work).slices;
  REQUIRE(slices.size() == 3);
  CHECK(slices[2] == Slice{make_interval(128, 192), make_interval(192, 288), SliceKind::causal});
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

TEST_CASE("Collectives of thousands of GPUs have as many rows as fit") {
  const auto seconds = [](int nodes) {
    return seconds_of(good(fmt::format(R"({{"name": "x", "group": "g", "nodes": {},
      "collective": "all_gather", "bytes": 274877906944, "measured_s": 1}})",
                                       nodes)));
  };
  CHECK(seconds(256) == Approx(seconds(128)).epsilon(0.05));
}

TEST_CASE("An all-to-all of more GPUs than can be simulated is no prediction") {
  const CaseFile file = good(R"({"name": "x", "group": "g", "nodes": 513,
    "collective": "all_to_all", "bytes": 4294967296, "measured_s": 1})");
  const Result<double> seconds = predict_case(file, file.cases.front());
  REQUIRE_FALSE(seconds);
  CHECK(seconds.error().text() == "an all-to-all of more than 4096 GPUs");
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
      CHECK((*one)[i].predicted > 0);
      CHECK((*one)[i].predicted == (*two)[i].predicted);
    }
  }
  CHECK(files >= 15);
}

}  // namespace hsap::cases
