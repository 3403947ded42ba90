#include "apps/sim/report.hpp"

#include <catch2/catch.hpp>

#include "support/golden.hpp"

using namespace hsap;

namespace {

Cluster cluster() {
  auto spec = load_cluster("dgx-h100");
  REQUIRE(spec);
  spec->device.memory_bytes = 80e9;
  auto built = Cluster::build(*spec, 4);
  REQUIRE(built);
  return std::move(*built);
}

Setting setting_of(const Cluster& cluster) {
  Setting setting;
  setting.cluster = &cluster;
  setting.runtime.name = "test-runtime";
  setting.model.name = "test-model";
  setting.model.heads = {32, 8, 128};
  return setting;
}

/// Round numbers: a step of `scale` seconds, half of it attention.
BatchPrediction batch(double scale, std::int64_t peak_bytes) {
  BatchPrediction batch;
  batch.tokens = 262144;
  batch.documents = 12;
  batch.attention = {0.01 * scale, 0.03 * scale, 0.03 * scale,
                     0.02 * scale, 0.01 * scale, std::int64_t{3000000000},
                     1000000000,   1.25};
  batch.bound = {0.02 * scale, 0.001, 0.002, 0.02 * scale};
  batch.step = StepTimes{
      scale, 262144 / scale, 0.5, {{"attention_compute", 0.5 * scale}, {"linear", 0.5 * scale}}};
  batch.memory = {peak_bytes, {{"parameters", 1e10}, {"logits", 0}}};
  batch.limit = scale > 1 ? "compute" : "network";
  batch.events = 500;
  return batch;
}

SimRun run(const Strategy& strategy, double scale, int replicas) {
  SimRun run;
  run.strategy = run.prediction.strategy = strategy;
  run.prediction.ranks = strategy.ranks();
  run.prediction.replicas = replicas;
  run.prediction.batches = {batch(scale, 40000000000), batch(2 * scale, 50000000000)};
  run.prediction.step = expected_step(run.prediction.batches, {}, replicas, {});
  run.wall_s = 0.25;
  return run;
}

std::vector<SimRun> sweep() {
  SimRun illegal;
  illegal.strategy = {64, 1};
  illegal.illegal = "too many";
  // The last takes twice as long for a batch but does four at a time.
  return {run({8, 4}, 1, 1), illegal, run({8, 1}, 2, 4)};
}

}  // namespace

TEST_CASE("the report of one strategy, whole") {
  const Cluster here = cluster();
  test::check_golden(HSAP_GOLDEN "/sim_report.txt",
                     report_one(run({8, 4}, 1, 1), setting_of(here), false));
}

TEST_CASE("the report of a sweep, whole") {
  const Cluster here = cluster();
  test::check_golden(HSAP_GOLDEN "/sim_sweep.txt",
                     report_sweep(sweep(), setting_of(here), 0.5, false));
}

TEST_CASE("a sweep is sorted by what the whole cluster gets done") {
  const std::vector<SimRun> runs = sweep();
  const std::vector<const SimRun*> sorted = by_time(runs, 80e9);
  REQUIRE(sorted.size() == 2);
  CHECK(sorted[0] == &runs[2]);
  CHECK(sorted[1] == &runs[0]);
}

TEST_CASE("what does not fit the device comes last in a sweep, and that is said") {
  const Cluster here = cluster();
  std::vector<SimRun> runs = sweep();
  runs[2].prediction.batches[0].memory.peak_bytes = 90000000000;
  CHECK(by_time(runs, 80e9)[0] == &runs[0]);
  const std::string text = report_sweep(runs, setting_of(here), 0.5, false);
  CHECK(text.find("90.00 GB, does not fit\n") != std::string::npos);
  CHECK(text.find("50.00 GB\n") < text.find("does not fit"));
}

TEST_CASE("what does not fit the device is said") {
  const Cluster here = cluster();
  SimRun large = run({8, 4}, 1, 1);
  CHECK(report_one(large, setting_of(here), false).find("Does not fit") == std::string::npos);
  large.prediction.batches[0].memory.peak_bytes = 90000000000;
  CHECK(report_one(large, setting_of(here), false).find("Does not fit") != std::string::npos);
}

TEST_CASE("attention without a model has no step") {
  const Cluster here = cluster();
  SimRun attention = run({8, 4}, 1, 1);
  for (BatchPrediction& batch : attention.prediction.batches) batch.step.reset();
  attention.prediction.step.reset();
  const std::string text = report_one(attention, setting_of(here), false);
  CHECK(text.find("Training step") == std::string::npos);
  CHECK(text.find("Attention of one layer") != std::string::npos);
}
