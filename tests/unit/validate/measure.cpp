#include "validate/measure/measure.hpp"

#include <catch2/catch.hpp>
#include <set>

#include "cost/measurements/read.hpp"
#include "support/folder.hpp"
#include "support/timed_device.hpp"
#include "validate/device/fake_device.hpp"
#include "validate/measure/tables.hpp"

// Measurements over a device whose times are made up from known constants: what comes out of the
// tables and the fit must be these constants.
namespace hsap {
namespace {

using measure::Measured;
using support::off_by;
using test::TimedDevice;

/// Other constants than those of any shipped cluster.
Device truth() {
  Device device = load_cluster("single-gpu")->device;
  device.kernel_launch_s = 4.2e-6;
  device.memory_bandwidth_bytes_per_s = 2.6e12;
  device.forward.flop_per_s = 520e12;
  device.forward.block_overhead_s = 1.5e-6;
  device.forward.launch_s = 9e-6;
  device.forward.lone_block_rate = 0.75;
  device.forward.fixed_share = 0.6;
  device.backward.flop_per_s = 430e12;
  device.backward.block_overhead_s = 6e-6;
  device.backward.launch_s = 14e-6;
  device.backward.fixed_share = 0.5;
  return device;
}

measure::Options options_of(const TimedDevice& device, double budget_s = 60) {
  measure::Options options;
  options.budget_s = budget_s;
  options.clock = [&device] { return device.now(); };
  return options;
}

Measured run(TimedDevice& device, double budget_s = 60) {
  auto measured = measure::measure_device(device, device.machine(), options_of(device, budget_s));
  INFO((measured ? "" : measured.error().text()));
  REQUIRE(measured);
  return *std::move(measured);
}

/// Through the tables on disk, as the program does.
fit::Calibration fitted(const Measured& measured) {
  const test::Folder folder;
  fit::Data data;
  REQUIRE(fit::read_kernels(folder.write("kernels.csv", measure::kernels_csv(measured)), data));
  REQUIRE(fit::read_copies(folder.write("copies.csv", measure::copies_csv(measured)), data));
  auto found = fit::calibrate(*load_cluster("single-gpu"), 0, data);
  INFO((found ? "" : found.error().text()));
  REQUIRE(found);
  return *std::move(found);
}

void check_recovered(const Device& found, const Device& known, double tolerance) {
  CHECK(off_by(found.kernel_launch_s, known.kernel_launch_s) < tolerance);
  CHECK(off_by(found.memory_bandwidth_bytes_per_s, known.memory_bandwidth_bytes_per_s) < tolerance);
  for (const auto& [kernel, is] :
       {std::pair{&found.forward, &known.forward}, std::pair{&found.backward, &known.backward}}) {
    CHECK(off_by(kernel->flop_per_s, is->flop_per_s) < tolerance);
    CHECK(off_by(kernel->block_overhead_s, is->block_overhead_s) < 5 * tolerance);
    CHECK(off_by(kernel->launch_s, is->launch_s) < 5 * tolerance);
    CHECK(off_by(kernel->lone_block_rate, is->lone_block_rate) < tolerance);
    CHECK(off_by(kernel->fixed_share, is->fixed_share) < 2 * tolerance);
  }
}

}  // namespace

TEST_CASE("A calibration finds the constants of the device it measures") {
  TimedDevice device(truth(), support::Measurer(1, 0.03, 20));
  const Measured measured = run(device);
  CHECK(measured.skipped.empty());
  CHECK(measured.seconds < 60);
  const fit::Calibration found = fitted(measured);
  check_recovered(found.spec.device, truth(), 0.02);
  for (const fit::Group& group : fit::groups_of(found.points)) {
    INFO(group.name);
    CHECK(group.mape < 0.05);
  }
  CHECK(found.spec.calibrated.head_dim->low == 64);
  CHECK(found.spec.calibrated.tokens->low == 32);  // packed documents
}

TEST_CASE("Little time is spent on what tells most") {
  TimedDevice device(truth(), support::Measurer(2, 0.03, 20));
  const Measured measured = run(device, 4);
  CHECK_FALSE(measured.skipped.empty());
  CHECK(measured.seconds < 4.5);
  check_recovered(fitted(measured).spec.device, truth(), 0.04);
}

TEST_CASE("A slow device is not kept beyond the budget") {
  Device slow = truth();
  slow.forward.flop_per_s = slow.backward.flop_per_s = 5e12;
  TimedDevice device(slow, support::Measurer(3, 0, 0));
  const Measured measured = run(device, 5);
  CHECK(measured.seconds < 7);
  CHECK(measured.attention.size() > 5);
}

TEST_CASE("What does not fit into a small memory is left out and told") {
  Device small = truth();
  small.memory_bytes = 1e9;
  TimedDevice device(small, support::Measurer(4, 0, 0));
  const Measured measured = run(device);
  REQUIRE_FALSE(measured.skipped.empty());
  for (const measure::Skipped& skipped : measured.skipped) {
    CHECK(skipped.want == measure::Skipped::Want::memory);
  }
  CHECK(device.allocated_bytes() < 1000000000);
  small.memory_bytes = 1e6;
  TimedDevice smaller(small, support::Measurer(4, 0, 0));
  const auto none = measure::measure_device(smaller, smaller.machine(), options_of(smaller));
  REQUIRE_FALSE(none);
}

TEST_CASE("What the host takes to issue is told from what the device takes") {
  const test::HostTruth host{7e-6, 0.8e-6, 9e-6};
  TimedDevice device(truth(), support::Measurer(5, 0.02, 0), host);
  const Measured measured = run(device);
  REQUIRE(measured.host);
  // A launch, two records and a wait.
  CHECK(off_by(measured.host->launch_s, 7e-6 + 3 * 0.8e-6) < 0.01);
  CHECK(off_by(measured.host->stream_wait_s, 9e-6) < 0.01);
}

TEST_CASE("Every case runs on operands that fit together") {
  // Kernels on the host read and write what they are given: small cases of every kind.
  device::FakeDevice device(1);
  const device::StreamId stream = device.make_stream(Stream::compute);
  const auto space = measure::Workspace::make(device, stream, 1 << 23, 1 << 20);
  REQUIRE(space);
  for (measure::AttentionCase of : measure::attention_cases()) {
    of.queries /= 128;
    of.keys /= 128;
    of.document /= 128;
    if (of.queries < 4 || of.keys < 4) continue;
    of.heads = {2, 1, 16};
    INFO(of.text());
    const auto sets = measure::prepare(device, *space, of, 2);
    REQUIRE(sets);
    REQUIRE_FALSE(sets->empty());
    for (const device::Launch& launch : *sets) CHECK(launch(stream));
    CHECK(device.synchronize());
  }
  for (measure::CopyCase of : measure::copy_cases()) {
    of.rows /= 64;
    const auto sets = measure::prepare(device, *space, of, 2);
    REQUIRE(sets);
    for (const device::Launch& launch : *sets) CHECK(launch(stream));
    CHECK(device.synchronize());
  }
}

TEST_CASE("Sets of operands lie apart and none stays in the cache") {
  device::FakeDevice device(1);
  const device::StreamId stream = device.make_stream(Stream::compute);
  const auto space = measure::Workspace::make(device, stream, 1 << 24, 1 << 20);
  REQUIRE(space);
  measure::Operands counting;
  const auto lay_out = [](measure::Operands& on) {
    return std::pair{on.read(Dtype::bf16, 100, 2, 64), on.written(Dtype::fp32, 100, 2, 64)};
  };
  static_cast<void>(lay_out(counting));
  const int sets = space->sets(counting.used());
  CHECK(sets * (counting.used().read + counting.used().written) >= 2 << 20);
  std::set<std::byte*> begins;
  for (int i = 0; i < sets; ++i) {
    measure::Operands operands = space->set(i, counting.used());
    const auto [read, written] = lay_out(operands);
    begins.insert(read.data);
    begins.insert(written.data);
  }
  CHECK(begins.size() == static_cast<std::size_t>(2 * sets));
  CHECK(space->sets({1 << 25, 0}) == 0);
}

TEST_CASE("A kernel that fails ends a calibration with what it has") {
  class Failing : public TimedDevice {
   public:
    using TimedDevice::TimedDevice;
    Status synchronize() override {
      if (now() < 0.5) return TimedDevice::synchronize();
      return infeasible("an illegal address");
    }
  };
  Failing device(truth(), support::Measurer(5, 0, 0), {});
  const Measured measured = run(device);
  REQUIRE(measured.failure);
  CHECK(measured.failure->message == "an illegal address");
  CHECK_FALSE(measured.attention.empty());
  CHECK(measured.attention.size() < measure::attention_cases().size());
}

TEST_CASE("A machine file says with what and how long") {
  TimedDevice device(truth(), support::Measurer(6, 0, 0));
  Measured measured = run(device, 3);
  measured.machine.facts = {{"driver", "580.1"}};
  const json::Ordered machine = measure::machine_json(measured);
  CHECK(machine["schema"] == "hsap.measurement/1");
  CHECK(machine["driver"] == "580.1");
  CHECK(machine["skipped"].size() == measured.skipped.size());
  measured.skipped = {{"a", measure::Skipped::Want::time}, {"b", measure::Skipped::Want::memory}};
  CHECK(measure::machine_json(measured)["skipped"] ==
        json::Ordered::array({"a: no time left", "b: does not fit into memory"}));
  CHECK(machine["seconds"].get<double>() == measured.seconds);
}

}  // namespace hsap
