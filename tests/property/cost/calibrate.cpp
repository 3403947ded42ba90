#include "cost/calibrate/calibrate.hpp"

#include <catch2/catch.hpp>

#include "support/synthetic.hpp"

// Whatever a cluster's numbers are, a fit that starts from another cluster's finds them.
namespace hsap {
namespace {

double between(Random& random, double low, double high) {
  return low * std::pow(high / low, random.unit());
}

double& rate_of(ClusterSpec& spec, LinkClass of) {
  return spec.curves[static_cast<int>(of)].bandwidth_bytes_per_s;
}

}  // namespace

TEST_CASE("Random links are found again") {
  const ClusterSpec base = *load_cluster("fit-h800");
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    ClusterSpec truth = base;
    rate_of(truth, LinkClass::nvlink) = between(random, 40e9, 800e9);
    truth.curves[0].latency_s = between(random, 1e-6, 2e-5);
    const double nic = between(random, 5e9, 50e9);
    rate_of(truth, LinkClass::nic) = rate_of(truth, LinkClass::fabric) = nic;
    truth.node_bandwidth_bytes_per_s = nic * between(random, 2, 7.5);
    support::Measurer measure(seed, 0.02, 30);
    fit::Data data;
    for (const char* pattern : {"0>1 1>0", "0>8 8>0", "0>8 1>9 2>10 3>11 4>12 5>13 6>14 7>15"}) {
      support::measure_rounds(truth, 2, pattern, measure, data);
    }
    auto found = fit::calibrate(base, 2, data);
    REQUIRE(found.ok());
    CHECK(support::off_by(rate_of(found->spec, LinkClass::nvlink),
                          rate_of(truth, LinkClass::nvlink)) < 0.03);
    CHECK(support::off_by(found->spec.curves[0].latency_s, truth.curves[0].latency_s) < 0.05);
    CHECK(support::off_by(rate_of(found->spec, LinkClass::nic), nic) < 0.03);
    CHECK(support::off_by(found->spec.node_bandwidth_bytes_per_s,
                          truth.node_bandwidth_bytes_per_s) < 0.03);
  }
}

TEST_CASE("Random kernels are found again") {
  const ClusterSpec base = *load_cluster("fit-h800");
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    Device truth = base.device;
    for (AttentionKernel* kernel : {&truth.forward, &truth.backward}) {
      kernel->flop_per_s = between(random, 150e12, 700e12);
      kernel->block_overhead_s = between(random, 1e-6, 2e-5);
      kernel->launch_s = between(random, 9e-6, 19e-6);
      kernel->lone_block_rate = between(random, 0.4, 1);
    }
    support::Measurer measure(seed, 0.02, 30);
    fit::Data data;
    support::measure_kernels(truth, measure, data);
    auto found = fit::calibrate(base, 0, data);
    REQUIRE(found.ok());
    const Device& device = found->spec.device;
    CHECK(support::off_by(device.forward.flop_per_s, truth.forward.flop_per_s) < 0.03);
    CHECK(support::off_by(device.backward.flop_per_s, truth.backward.flop_per_s) < 0.03);
    CHECK(support::off_by(device.forward.lone_block_rate, truth.forward.lone_block_rate) < 0.06);
    CHECK(support::off_by(device.backward.lone_block_rate, truth.backward.lone_block_rate) < 0.06);
    for (std::size_t i = 0; i < data.kernels.size(); ++i) {
      const fit::KernelRow& row = data.kernels[i];
      if (row.queries < 2048) continue;  // tells of the launch, which longer rows hardly do
      CHECK(support::off_by(found->points[i].fitted_s, support::kernel_seconds(truth, row)) < 0.06);
    }
  }
}

}  // namespace hsap
