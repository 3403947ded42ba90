#include "apps/topo/measure_gpu.hpp"

#include <catch2/catch.hpp>

#include "apps/topo/calibrate_picture.hpp"

using namespace hsap;

namespace {

measure::Measured measured() {
  measure::Measured out;
  out.machine = {"NVIDIA H200 NVL", 132, std::int64_t{141} << 30, 50 << 20, {{"driver", "580.1"}}};
  out.host = measure::HostCosts{6e-6, 7e-6};
  using Want = measure::Skipped::Want;
  out.skipped = {{"a", Want::time}, {"b", Want::time}, {"c", Want::memory}};
  out.seconds = 42;
  return out;
}

}  // namespace

TEST_CASE("a fit to one GPU starts from the shipped cluster of its kind, alone") {
  for (const auto& [gpu, rate] :
       {std::pair{"NVIDIA H100 80GB HBM3", 989e12}, std::pair{"NVIDIA A100-SXM4-80GB", 312e12},
        std::pair{"NVIDIA GB200", 2500e12}, std::pair{"NVIDIA L20", 119.5e12}}) {
    INFO(gpu);
    measure::Machine machine;
    machine.name = gpu;
    const auto spec = apps::base_for(machine, true);
    REQUIRE(spec);
    CHECK(spec->device.peak_flop_per_s == rate);
    CHECK(spec->gpus_per_node() == 1);
    CHECK(Cluster::build(*spec, 1));
    CHECK_FALSE(Cluster::build(*spec, 2));
  }
  const auto node = apps::base_for(measured().machine, false);
  REQUIRE(node);
  CHECK(node->gpus_per_node() == 8);
  CHECK(Cluster::build(*node, 2));
  measure::Machine unknown;
  unknown.name = "NVIDIA T4";
  const auto spec = apps::base_for(unknown, true);
  REQUIRE_FALSE(spec);
  CHECK(spec.error().found == "'NVIDIA T4'");
}

TEST_CASE("the cluster says what was measured") {
  auto spec = apps::base_for(measured().machine, true);
  REQUIRE(spec);
  CHECK(spec->name == "nvidia-h200-nvl");
  apps::describe(measured(), *spec);
  CHECK(spec->device.name == "NVIDIA H200 NVL");
  CHECK(spec->device.memory_bytes == double(std::int64_t{141} << 30));
  CHECK(spec->sources.back().find("in 42 s on NVIDIA H200 NVL, driver 580.1") != std::string::npos);
}

TEST_CASE("the runtime has the host's times") {
  const auto runtime = apps::runtime_of(measured(), {});
  REQUIRE(runtime);
  CHECK(runtime->host_launch_s == 6e-6);
  CHECK(runtime->stream_wait_s == 7e-6);
  CHECK(runtime->sources.back() == "host_launch_s, stream_wait_s: measured on NVIDIA H200 NVL");
}

TEST_CASE("the runtime has what messages and kernels take from each other") {
  measure::Measured of = measured();
  of.machine.multiprocessors = 132;
  const measure::Interference found{0.03, 0.12, 0.8, 9e-6, 1.5e-6};
  const auto runtime = apps::runtime_of(of, found);
  REQUIRE(runtime);
  CHECK(runtime->kernel_slowdown == 0.03);
  CHECK(runtime->communication_multiprocessors == 16);
  CHECK(runtime->overlap_share == 0.8);
  CHECK(runtime->host_exchange_s == 9e-6);
  CHECK(runtime->host_transfer_s == 1.5e-6);
  for (const std::string& source : runtime->sources) {
    CHECK(
        (source.find("assumed") == std::string::npos || source.starts_with("communicator_bytes")));
  }
  CHECK(apps::text_of(found).find("takes 12.0 % of the GPU and keeps 80 % of its speed") !=
        std::string::npos);
  // A message that stands still is still one that a runtime can have.
  const auto still = apps::runtime_of(of, measure::Interference{5, 1, 0, 0, 0});
  REQUIRE(still);
  CHECK(still->overlap_share > 0);
  CHECK(still->kernel_slowdown == 1);
}

TEST_CASE("what was skipped is told") {
  const std::string text = apps::measured_text(measured());
  CHECK(text.find("skipped: 2 for want of time (--budget), 1 for want of memory") !=
        std::string::npos);
}

TEST_CASE("the picture has a dot for each row and a name for each group") {
  fit::Calibration found;
  found.spec.name = "a <b> & c";
  found.points = {{"kernels", "forward", "1K x 1K", 1024, 1e-3, 1.1e-3},
                  {"kernels", "backward", "1K x 1K", 1024, 3e-3, 3e-3},
                  {"copies", "merge", "64 MB", 1 << 26, 4e-5, 4e-5}};
  const std::string picture = apps::calibration_picture(found);
  const auto count = [&](const std::string& word) {
    int times = 0;
    for (auto at = picture.find(word); at != std::string::npos; at = picture.find(word, at + 1)) {
      ++times;
    }
    return times;
  };
  CHECK(count("<circle") == 3);
  CHECK(count("<rect") == 3);
  CHECK(count("forward: 1 rows, 10.0 %") == 1);
  CHECK(count("a &lt;b&gt; &amp; c") == 1);
  CHECK(count("nan") + count("inf") == 0);
}
