// Runs of plans on a device: what is told of its memory and of its times.
#include <catch2/catch.hpp>
#include <numeric>

#include "support/sample_plan.hpp"
#include "validate/device/fake_device.hpp"
#include "validate/gpu/execute_local.hpp"
#include "validate/run/report.hpp"

namespace hsap::validation {
namespace {

using Catch::Contains;

/// All ranks on one fake device.
RunOptions on_fake_device(const executor::LocalOptions& local) {
  RunOptions options;
  options.tokens = 128;
  options.executor_name = "local";
  options.where = "streams of a fake device";
  options.one_device = true;
  options.executor = [local](const Schedule& schedule, Tensors& tensors, const ExecuteOptions&) {
    device::FakeDevice device(1);
    return executor::execute_local(schedule, tensors, device, local);
  };
  return options;
}

Validation run(const RunOptions& options) {
  Result<Validation> result = validate_plan(test::sample_plan(), options);
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
  options.one_device = false;
  for (const PassRun& pass : run(options).passes) {
    const auto& ranks = pass.planned_buffer_bytes;
    CHECK(pass.planned_device_bytes == *std::max_element(ranks.begin(), ranks.end()));
  }
}

TEST_CASE("a run on the host has no device to tell of") {
  const Validation result = run([] {
    RunOptions options;
    options.tokens = 128;
    return options;
  }());
  CHECK_FALSE(to_json(result)["passes"][0].contains("device"));
  CHECK_THAT(report(result, false), !Contains("of a device"));
}

}  // namespace
}  // namespace hsap::validation
