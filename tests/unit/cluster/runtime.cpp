#include "hsap/runtime.hpp"

#include "support/toy_cluster.hpp"

namespace hsap {
namespace {

std::string runtime_error(const std::string& name, std::vector<Override> overrides) {
  const Result<Runtime> runtime = load_runtime(name, overrides);
  return runtime ? "no error" : runtime.error().text();
}

}  // namespace

TEST_CASE("Shipped runtimes load and say where their numbers are from") {
  for (const char* name : {"hsap", "ring-flash-attention", "transformer-engine", "ideal"}) {
    const Result<Runtime> runtime = load_runtime(name);
    if (!runtime) FAIL(runtime.error().text());
    CHECK(runtime->name == name);
    CHECK_FALSE(runtime->description.empty());
    CHECK_FALSE(runtime->sources.empty());
  }
}

TEST_CASE("The ideal runtime costs nothing") {
  const Result<Runtime> ideal = load_runtime("ideal");
  REQUIRE(ideal);
  CHECK(ideal->host_launch_s + ideal->host_exchange_s + ideal->host_transfer_s == 0);
  CHECK(ideal->host_call_s + ideal->host_layer_s + ideal->host_experts_s == 0);
  CHECK(ideal->stream_wait_s + ideal->kernel_slowdown == 0);
  CHECK(ideal->communication_multiprocessors == 0);
  CHECK(ideal->overlap_share == 1);
  CHECK(ideal->entry == Runtime::Entry::at_once);
  CHECK(ideal->communicator_bytes == 0);
  CHECK(ideal->concurrent_peers == 0);
  CHECK(ideal->duplex);
  CHECK_FALSE(ideal->packs_transfers);
}

TEST_CASE("--set runtime.KEY changes it, other paths are left alone") {
  const std::vector<Override> changes{{"runtime.host_launch_s", "7e-6"},
                                      {"runtime.duplex", "false"},
                                      {"nic.bandwidth_bytes_per_s", "1e9"}};
  const Result<Runtime> runtime = load_runtime("hsap", changes);
  REQUIRE(runtime);
  CHECK(runtime->host_launch_s == 7e-6);
  CHECK_FALSE(runtime->duplex);
}

TEST_CASE("Bad runtime values") {
  CHECK(runtime_error("hsap", {{"runtime.host_lunch_s", "1"}}) ==
        "--set: no such value; found 'runtime.host_lunch_s', expected 'runtime.host_launch_s', "
        "'runtime.host_layer_s' or 'runtime.host_exchange_s'");
  CHECK(runtime_error("hsap", {{"runtime.duplex", "maybe"}}) ==
        "--set runtime.duplex; found 'maybe', expected true or false");
  CHECK(runtime_error("hsap", {{"runtime.kernel_slowdown", "1.5"}})
            .find("/kernel_slowdown: out of range; found 1.5, expected a number from 0 to 1") !=
        std::string::npos);
  CHECK(runtime_error("hsap", {{"runtime.communication_enters", "never"}})
            .find("expected 'at_once' or 'between_kernels'") != std::string::npos);
  CHECK(runtime_error("hsap", {{"runtime.concurrent_peers", "2.5"}}).find("wrong type") !=
        std::string::npos);
  CHECK(runtime_error("hsapp", {}).find("'hsap'") != std::string::npos);
}

TEST_CASE("A runtime inside another file is read in place") {
  json::Value value = json::Value::parse(R"({"schema": "hsap.runtime/1", "name": "x",
    "description": "", "sources": [], "host_launch_s": 0, "host_exchange_s": 0,
    "host_transfer_s": 0, "concurrent_peers": 1, "stream_wait_s": 0, "kernel_slowdown": 0,
    "communication_multiprocessors": 4, "communication_enters": "between_kernels",
    "overlap_share": 0.5, "communicator_bytes": 0})");
  const Result<Runtime> runtime = read_runtime(value, "cases.json");
  if (!runtime) FAIL(runtime.error().text());
  CHECK(runtime->overlap_share == 0.5);
  CHECK(runtime->entry == Runtime::Entry::between_kernels);
  value["duplx"] = true;
  const Result<Runtime> typo = read_runtime(value, "cases.json");
  REQUIRE_FALSE(typo);
  CHECK(typo.error().text() == "cases.json: /duplx: unknown key; found 'duplx', expected 'duplex'");
}

}  // namespace hsap
