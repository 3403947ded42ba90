// Runs of plans on a device: what is told of its memory and of its times.
#include <catch2/catch.hpp>
#include <numeric>

#include "support/sample_plan.hpp"
#include "validate/device/fake_device.hpp"
#include "validate/gpu/execute_local.hpp"
#include "validate/run/report.hpp"
#include "validate/run/timeline.hpp"

namespace hsap::validation {
namespace {

using Catch::Contains;

/// One GPU of a cluster, or all of it.
Machine machine(const char* cluster, bool one_device) {
  Result<Machine> made = one_device_of(cluster);
  if (!made) FAIL(made.error().text());
  made->one_device = one_device;
  return *std::move(made);
}

/// All ranks on one fake device, whose clock counts kernels.
RunOptions on_fake_device(const executor::LocalOptions& local) {
  RunOptions options;
  options.tokens = 64;
  options.executor_name = "local";
  options.where = "streams of a fake device";
  options.machine = machine("single-gpu", true);
  options.executor = [local](const Schedule& schedule, Tensors& tensors, const ExecuteOptions&) {
    device::FakeDevice device(1);
    return executor::execute_local(schedule, tensors, device, local);
  };
  return options;
}

Validation run(const RunOptions& options) {
  Result<Validation> result = validate_plan(test::narrow_plan(), options);
  if (!result) FAIL(result.error().text());
  return *std::move(result);
}

TEST_CASE("memory: buffers as planned, all that was taken, and what the device says") {
  const Validation result = run(on_fake_device({}));
  CHECK(result.right());
  const json::Ordered passes = to_json(result)["passes"];
  for (std::size_t i = 0; i < 2; ++i) {
    const PassRun& pass = result.passes[i];
    const auto& ranks = pass.planned_buffer_bytes;
    CHECK(pass.planned_device_bytes == std::accumulate(ranks.begin(), ranks.end(), 0LL));
    // Beside buffers it takes room for gathered queries at most; nobody else is on a fake.
    CHECK(pass.execution.device_bytes >= pass.planned_device_bytes);
    CHECK(pass.execution.device_bytes < 2 * pass.planned_device_bytes);
    CHECK(pass.execution.used_bytes == pass.execution.device_bytes);
    CHECK(passes[i]["device"]["planned_buffer_bytes"] == pass.planned_device_bytes);
    CHECK(passes[i]["device"]["taken_bytes"] == pass.execution.device_bytes);
    CHECK(passes[i]["device"]["used_bytes"] == pass.execution.used_bytes);
  }
  CHECK_THAT(report(result, false),
             Contains("bytes taken of a device") && Contains("streams of a fake device"));
}

TEST_CASE("ranks with a device each: the fullest counts") {
  RunOptions options = on_fake_device({});
  options.machine = machine("dgx-h100", false);
  for (const PassRun& pass : run(options).passes) {
    const auto& ranks = pass.planned_buffer_bytes;
    CHECK(pass.planned_device_bytes == *std::max_element(ranks.begin(), ranks.end()));
  }
}

TEST_CASE("one device: operations alone, one after the other, in the order of issue") {
  const Validation result = run(on_fake_device({.serialise = true, .repeats = 3}));
  for (const PassRun& pass : result.passes) {
    REQUIRE(pass.times);
    const Timeline& predicted = pass.times->predicted;
    double at_s = 0;
    for (std::size_t i = 0; i < predicted.spans.size(); ++i) {
      const Span& span = predicted.spans[i];
      CHECK(span.operation == pass.execution.times[i].operation);
      CHECK(span.begin_s == at_s);
      const Operation& op = pass.schedule.operations[span.operation];
      CHECK(span.end_s - at_s ==
            Approx(seconds_alone(pass.schedule, op, machine("single-gpu", true).cluster.device)));
      at_s = span.end_s;
    }
    CHECK(predicted.seconds == at_s);
    // One stream: the same work in every repeat, whichever order of streams the fake likes.
    CHECK(pass.times->repeats == 3);
    CHECK(pass.times->spread_s == 0);
    double operations_s = 0;
    for (const KindTimes& kind : pass.times->kinds) operations_s += kind.measured_s();
    CHECK(pass.times->measured_s > 0);
    CHECK(pass.times->measured_s == operations_s);
  }
  CHECK_THAT(report(result, false), Contains("total") && Contains("median of 3"));
  CHECK(to_json(result)["predicted_as"] == "each operation alone on one H100 SXM5 80GB");
}

TEST_CASE("repeats of a graph are timed as those that the host issues") {
  const Validation issued = run(on_fake_device({.serialise = true, .repeats = 3}));
  const Validation replayed = run(on_fake_device({.serialise = true, .repeats = 3, .graph = true}));
  CHECK(replayed.right());
  for (std::size_t i = 0; i < issued.passes.size(); ++i) {
    const PassTimes& expected = *issued.passes[i].times;
    const PassTimes& times = *replayed.passes[i].times;
    CHECK(times.repeats == 3);
    CHECK(times.measured_s == expected.measured_s);
    REQUIRE(times.measured.spans.size() == expected.measured.spans.size());
    for (std::size_t at = 0; at < times.measured.spans.size(); ++at) {
      CHECK(times.measured.spans[at].begin_s == expected.measured.spans[at].begin_s);
      CHECK(times.measured.spans[at].end_s == expected.measured.spans[at].end_s);
    }
  }
}

TEST_CASE("a device for each rank: as the simulator has the schedule on the cluster") {
  RunOptions options = on_fake_device({});
  options.machine = machine("dgx-h100", false);
  const Result<Cluster> node = Cluster::build(options.machine->cluster, 1);
  REQUIRE(node);
  for (const PassRun& pass : run(options).passes) {
    REQUIRE(pass.times);
    const Result<Simulation> simulation = simulate(pass.schedule, *node, {});
    REQUIRE(simulation);
    CHECK(pass.times->predicted.seconds == simulation->seconds);
    CHECK(pass.times->predicted.spans.size() == pass.schedule.operations.size());
  }
}

TEST_CASE("one trace shows every operation of both passes, predicted and measured") {
  const Validation result = run(on_fake_device({}));
  const auto trace = json::parse(timeline_text(result), "trace");
  REQUIRE(trace);
  CHECK((*trace)["otherData"]["device"] == "a fake in host memory");
  std::size_t operations = 0;
  for (const PassRun& pass : result.passes) operations += pass.schedule.operations.size();
  const auto& events = (*trace)["traceEvents"];
  const auto slices = std::count_if(events.begin(), events.end(),
                                    [](const json::Value& event) { return event["ph"] == "X"; });
  CHECK(static_cast<std::size_t>(slices) == 2 * operations);
}

TEST_CASE("the measured timeline is that of the device's clock") {
  Execution execution;
  execution.times = {{1, 3, 2, 0.5}, {0, 0, 4, 0}};
  const Timeline timeline = measured(execution);
  CHECK(timeline.seconds == 5);
  REQUIRE(timeline.spans.size() == 2);
  CHECK(timeline.spans[0].operation == 0);
  CHECK(timeline.spans[1].begin_s == 3);
  CHECK(timeline.spans[1].end_s == 5);
}

TEST_CASE("a run that only measures does not claim that its results are right") {
  RunOptions options = on_fake_device({});
  options.compares = false;
  const Validation result = run(options);
  CHECK(result.errors.empty());
  CHECK_THAT(report(result, false),
             Contains("results were not compared\n") && !Contains("relative error"));
  CHECK(to_json(result)["compared"] == false);
}

TEST_CASE("a run on the host has no device to tell of") {
  const Validation result = run([] {
    RunOptions options;
    options.tokens = 64;
    return options;
  }());
  CHECK_FALSE(to_json(result)["passes"][0].contains("device"));
  CHECK_THAT(report(result, false), !Contains("of a device"));
}

}  // namespace
}  // namespace hsap::validation
