#include "apps/sim/run.hpp"

#include <catch2/catch.hpp>

#include "cli/inputs.hpp"
#include "export/json/prediction.hpp"
#include "export/json/text.hpp"

using namespace hsap;

namespace {

cli::Scene scene() {
  cli::Options options;
  options.cluster.cluster = "dgx-h100";
  options.model.heads = 4;
  auto scene = cli::read_scene(options);
  REQUIRE(scene);
  return std::move(*scene);
}

const Strategy ring{1, 8};
const Strategy both{2, 4};
const Strategy too_wide{8, 1};  // eight ranks for four heads
const std::vector<Batch> batches{{{4096, 4096}}, {{1024, 7168}}};

SimRuns runs(std::vector<Strategy> strategies, const Setting& setting, int threads) {
  cli::Progress silent(false);
  auto answer = run_all(strategies, batches, setting, threads, silent);
  REQUIRE(answer);
  return std::move(*answer);
}

}  // namespace

TEST_CASE("runs come back in order with a prediction for each batch") {
  const cli::Scene here = scene();
  const SimRuns answer = runs({both, ring}, here.setting, 2);
  REQUIRE(answer.runs.size() == 2);
  CHECK(answer.runs[0].strategy.ulysses == 2);
  CHECK(answer.runs[0].prediction.ranks == 8);
  CHECK(answer.runs[0].prediction.replicas == 1);
  CHECK(answer.runs[1].strategy.context_parallel == 8);
  CHECK(answer.runs[1].strategy.stages == 7);  // resolved: a ring of 8 has 7 steps
  for (const SimRun& run : answer.runs) {
    REQUIRE(run.prediction.batches.size() == 2);
    CHECK(run.prediction.batches[1].documents == 2);
    CHECK(run.prediction.batches[1].attention.forward_s > 0);
  }
}

TEST_CASE("an illegal strategy is marked and does not stop the others") {
  const cli::Scene here = scene();
  const SimRuns answer = runs({too_wide, ring}, here.setting, 2);
  REQUIRE(answer.runs[0].illegal);
  CHECK(answer.runs[0].prediction.batches.empty());
  CHECK_FALSE(answer.runs[1].illegal);
}

TEST_CASE("a strategy that overfills the host's memory does not stop the others") {
  cli::Options options;
  options.cluster.cluster = "dgx-h100";
  options.cluster.set = {"node.host_memory_bytes=4e9"};
  options.model.model = "llama3-8b";
  options.training.zero = 3;
  options.training.checkpointing = Training::Checkpointing::full;
  options.training.offload = Training::Offload::activations;
  const auto here = cli::read_scene(options);
  REQUIRE(here);
  // 2 GB of 30 layers' inputs on the node, or in replicas of one GPU eight times that.
  const SimRuns answer = runs({Strategy{1, 1}, ring}, here->setting, 2);
  REQUIRE(answer.runs.size() == 2);
  REQUIRE(answer.runs[0].illegal);
  CHECK(*answer.runs[0].illegal == "offloads 16.11 GB a node, whose memory has 4.00 GB");
  CHECK(answer.runs[0].prediction.batches.empty());
  CHECK(answer.runs[1].prediction.batches.size() == 2);
}

TEST_CASE("what is natural and the same by its number are one run") {
  const cli::Scene here = scene();
  Strategy natural{1, 8, Order::ulysses_inner, Layout::zigzag, Exchange::p2p};
  Strategy four = natural;
  four.stages = 4;
  Strategy two = natural;
  two.stages = 2;
  CHECK(runs({natural, four, two}, here.setting, 2).runs.size() == 2);
}

TEST_CASE("the answer does not depend on the number of threads") {
  const cli::Scene here = scene();
  const SimRuns one = runs({ring, both}, here.setting, 1);
  const SimRuns four = runs({ring, both}, here.setting, 4);
  for (std::size_t i = 0; i < one.runs.size(); ++i) {
    const auto text = [&](const SimRuns& answer) {
      return json_text(prediction_json(answer.runs[i].prediction, *here.cluster, 0));
    };
    CHECK(text(one) == text(four));
  }
}

TEST_CASE("a group that does not divide the cluster is an error") {
  const cli::Scene here = scene();
  const Strategy three[] = {{3, 1}};
  cli::Progress silent(false);
  const auto answer = run_all(three, batches, here.setting, 1, silent);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().kind == ErrorKind::bad_input);
}

TEST_CASE("a timeline holds the passes that were asked for") {
  cli::Scene here = scene();
  const auto slices = [&] {
    const auto text = trace_of(batches[0], ring, here.setting);
    REQUIRE(text);
    const auto trace = json::parse(*text, "trace");
    REQUIRE(trace);
    std::map<std::string, int> count;
    for (const json::Value& event : (*trace)["traceEvents"]) {
      if (event["ph"] == "X") ++count[event["cat"]];
    }
    return count;
  };
  const auto all = slices();
  CHECK(all.at("forward") > 0);
  CHECK(all.at("backward") > 0);
  here.setting.passes = Passes::forward;
  CHECK(slices() == std::map<std::string, int>{{"forward", all.at("forward")}});
}
