#include "cost/calibrate/calibrate.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "cost/calibrate/kernels.hpp"
#include "support/synthetic.hpp"

// Tables are made from a cluster whose numbers are known; a fit that starts from other numbers
// has to find them again.
namespace hsap {
namespace {

using support::measure_copies;
using support::measure_kernels;
using support::measure_more_kernels;
using support::measure_rounds;
using support::Measurer;
using support::off_by;

const std::string pairs_between = "0>8 1>9 2>10 3>11 4>12 5>13 6>14 7>15";

LinkCurve& curve(ClusterSpec& spec, LinkClass of) { return spec.curves[static_cast<int>(of)]; }

/// A cluster other than the shipped ones, and the shipped one to start from.
struct Case {
  ClusterSpec base = *load_cluster("fit-a800");
  ClusterSpec truth = base;
  fit::Data data;

  Case() {
    curve(truth, LinkClass::nvlink).bandwidth_bytes_per_s = 310e9;
    curve(truth, LinkClass::nvlink).latency_s = 4.2e-6;
    curve(truth, LinkClass::nic).bandwidth_bytes_per_s = 23.2e9;
    curve(truth, LinkClass::fabric).bandwidth_bytes_per_s = 23.2e9;
    curve(truth, LinkClass::pcie).latency_s = 4e-6;
    truth.node_bandwidth_bytes_per_s = 150e9;
  }
  [[nodiscard]] Result<fit::Calibration> run() const { return fit::calibrate(base, 0, data); }
};

double latency_between(const ClusterSpec& spec) {
  return Cluster::build(spec, 2)->route(0, 8).latency_s;
}

const fit::Undetermined* undetermined(const fit::Calibration& found, const std::string& what) {
  const auto item = std::find_if(found.undetermined.begin(), found.undetermined.end(),
                                 [&](const auto& any) { return any.what.starts_with(what); });
  return item == found.undetermined.end() ? nullptr : &*item;
}

}  // namespace

TEST_CASE("Links are found again under noise and outliers") {
  Case test;
  Measurer measure(1, 0.02, 25);
  for (const char* pattern : {"0>1", "0>1 1>0", "0>1 1>2 2>3 3>0", "0>8", "0>8 8>0"}) {
    measure_rounds(test.truth, 2, pattern, measure, test.data);
  }
  measure_rounds(test.truth, 2, pairs_between, measure, test.data);
  auto found = test.run();
  REQUIRE(found.ok());
  CHECK(found->nodes == 2);
  ClusterSpec& spec = found->spec;
  CHECK(off_by(curve(spec, LinkClass::nvlink).bandwidth_bytes_per_s, 310e9) < 0.02);
  CHECK(off_by(curve(spec, LinkClass::nvlink).latency_s, 4.2e-6) < 0.03);
  CHECK(off_by(curve(spec, LinkClass::nic).bandwidth_bytes_per_s, 23.2e9) < 0.02);
  CHECK(off_by(spec.node_bandwidth_bytes_per_s, 150e9) < 0.02);
  CHECK(off_by(latency_between(spec), latency_between(test.truth)) < 0.03);
  for (const fit::Group& group : fit::groups_of(found->points)) {
    INFO(group.name);
    CHECK(std::abs(group.bias) < 0.06);  // outliers are slow ones
  }
}

TEST_CASE("Exact tables give exact numbers") {
  Case test;
  Measurer measure(1, 0, 0);
  measure_rounds(test.truth, 2, "0>1", measure, test.data);
  measure_rounds(test.truth, 2, "0>8", measure, test.data);
  auto found = test.run();
  REQUIRE(found.ok());
  CHECK(curve(found->spec, LinkClass::nvlink).bandwidth_bytes_per_s == Approx(310e9));
  CHECK(curve(found->spec, LinkClass::nic).bandwidth_bytes_per_s == Approx(23.2e9));
  for (const fit::Point& point : found->points) CHECK(std::abs(point.error()) < 1e-3);
}

TEST_CASE("Routes that cross rails begin as slowly as their NVLinks do") {
  Case test;
  test.base = test.truth = *load_cluster("dgx-h100");
  curve(test.truth, LinkClass::nic).bandwidth_bytes_per_s = 41e9;
  curve(test.truth, LinkClass::fabric).bandwidth_bytes_per_s = 41e9;
  Measurer measure(1, 0, 0);
  measure_rounds(test.truth, 2, "0>1", measure, test.data);
  measure_rounds(test.truth, 2, "0>9", measure, test.data);
  auto found = test.run();
  REQUIRE(found.ok());
  CHECK(curve(found->spec, LinkClass::nic).bandwidth_bytes_per_s == Approx(41e9).epsilon(1e-3));
  CHECK(latency_between(found->spec) == Approx(latency_between(test.truth)).epsilon(1e-2));
}

TEST_CASE("Rounds over all NICs at once tell of the node and not of one NIC") {
  Case test;
  Measurer measure(2, 0.02, 0);
  measure_rounds(test.truth, 2, pairs_between, measure, test.data);
  auto found = test.run();
  REQUIRE(found.ok());
  CHECK(off_by(found->spec.node_bandwidth_bytes_per_s, 150e9) < 0.02);
  CHECK(curve(found->spec, LinkClass::nic).bandwidth_bytes_per_s ==
        curve(test.base, LinkClass::nic).bandwidth_bytes_per_s);
  REQUIRE(undetermined(*found, "nic.bandwidth") != nullptr);
  CHECK(undetermined(*found, "nic.bandwidth")->why.starts_with("8 at once between nodes"));
  CHECK(undetermined(*found, "nvlink") != nullptr);
}

TEST_CASE("NICs that do not limit each other leave the node without a limit") {
  Case test;
  test.truth.node_bandwidth_bytes_per_s = 0;
  Measurer measure(3, 0.01, 0);
  measure_rounds(test.truth, 2, "0>8", measure, test.data);
  measure_rounds(test.truth, 2, pairs_between, measure, test.data);
  auto found = test.run();
  REQUIRE(found.ok());
  CHECK(found->spec.node_bandwidth_bytes_per_s == 0);
  CHECK(off_by(curve(found->spec, LinkClass::nic).bandwidth_bytes_per_s, 23.2e9) < 0.02);
}

TEST_CASE("Large messages alone leave the latencies as they were, whatever limits the node") {
  Case test;
  test.truth.node_bandwidth_bytes_per_s = 0;
  Measurer measure(3, 0.01, 0);
  measure_rounds(test.truth, 2, "0>8", measure, test.data);
  measure_rounds(test.truth, 2, pairs_between, measure, test.data);
  std::erase_if(test.data.transfers, [](const fit::TransferRow& row) { return row.bytes < 2e6; });
  auto found = test.run();
  REQUIRE(found.ok());
  CHECK(found->spec.node_bandwidth_bytes_per_s == 0);
  CHECK(undetermined(*found, "nic latency") != nullptr);
  for (const LinkClass of : {LinkClass::pcie, LinkClass::nic, LinkClass::fabric}) {
    CHECK(curve(found->spec, of).latency_s == curve(test.base, of).latency_s);
  }
}

TEST_CASE("Kernels are found again under noise and outliers") {
  Case test;
  Device& device = test.truth.device;
  device.forward.flop_per_s = 190e12;
  device.forward.block_overhead_s = 3.5e-6;
  device.forward.launch_s = 12e-6;
  device.forward.lone_block_rate = 0.6;
  device.backward.flop_per_s = 150e12;
  device.backward.block_overhead_s = 9e-6;
  device.backward.launch_s = 14e-6;
  device.backward.lone_block_rate = 0.7;
  Measurer measure(4, 0.02, 25);
  measure_kernels(device, measure, test.data);
  auto found = test.run();
  REQUIRE(found.ok());
  const auto check = [](const AttentionKernel& kernel, const AttentionKernel& truth) {
    CHECK(off_by(kernel.flop_per_s, truth.flop_per_s) < 0.02);
    CHECK(off_by(kernel.block_overhead_s, truth.block_overhead_s) < 0.25);
    CHECK(off_by(kernel.lone_block_rate, truth.lone_block_rate) < 0.05);
  };
  // Of the shortest backward kernel fitted the launch is a few percent, as much as the noise.
  CHECK(off_by(found->spec.device.forward.launch_s, 12e-6) < 0.1);
  check(found->spec.device.forward, device.forward);
  check(found->spec.device.backward, device.backward);
}

TEST_CASE("Kernels are found again from a base whose blocks cost next to nothing") {
  Case test;
  test.base = test.truth = *load_cluster("dgx-h100");
  AttentionKernel& kernel = test.truth.device.forward;
  kernel.flop_per_s = 590e12;
  kernel.block_overhead_s = 2e-6;
  Measurer measure(5, 0.02, 0);
  measure_kernels(test.truth.device, measure, test.data);
  const auto found = test.run();
  REQUIRE(found.ok());
  CHECK(off_by(found->spec.device.forward.block_overhead_s, 2e-6) < 0.25);
  CHECK(off_by(found->spec.device.forward.flop_per_s, 590e12) < 0.02);
}

TEST_CASE("Packed documents and heads of two sizes tell what a tile costs at the least") {
  Case test;
  for (AttentionKernel* kernel : {&test.truth.device.forward, &test.truth.device.backward}) {
    kernel->flop_per_s = 170e12;
    kernel->block_overhead_s = 4e-6;
    kernel->fixed_share = 0.55;
  }
  Measurer measure(8, 0.02, 0);
  measure_kernels(test.truth.device, measure, test.data);
  measure_more_kernels(test.truth.device, measure, test.data);
  const auto found = test.run();
  REQUIRE(found.ok());
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    const Device& device = found->spec.device;
    const AttentionKernel& kernel = pass == Pass::forward ? device.forward : device.backward;
    CHECK(off_by(kernel.flop_per_s, 170e12) < 0.02);
    CHECK(off_by(kernel.fixed_share, 0.55) < 0.1);
    CHECK(off_by(kernel.block_overhead_s, 4e-6) < 0.25);
  }
  CHECK(undetermined(*found, "device.forward.fixed_share") == nullptr);
  const ClusterSpec::Calibrated& known = found->spec.calibrated;
  CHECK(known.tokens->low == 256);
  CHECK(known.tokens->high == 65536);
  CHECK(known.head_dim->low == 64);
}

TEST_CASE("Documents shorter than a tile tell what of an overhead goes with the rows") {
  Case test;
  AttentionKernel& kernel = test.truth.device.forward;
  kernel.overhead_row_share = 0.6;
  test.base.device.forward.overhead_row_share = 0;
  Measurer measure(10, 0.01, 0);
  measure_kernels(test.truth.device, measure, test.data);
  std::erase_if(test.data.kernels,
                [](const fit::KernelRow& row) { return row.pass == Pass::backward; });
  const auto without = test.run();
  REQUIRE(without.ok());
  CHECK(undetermined(*without, "device.forward.overhead_row_share") != nullptr);
  for (const std::int64_t document : {16, 32, 64, 128, 256}) {
    for (const int heads : {4, 32}) {
      fit::KernelRow row{{}, 1 << 14, 1 << 14, heads, 128, true, Pass::forward, 0, document};
      row.seconds = measure(support::kernel_seconds(test.truth.device, row));
      test.data.kernels.push_back(row);
    }
  }
  const auto found = test.run();
  REQUIRE(found.ok());
  CHECK(off_by(found->spec.device.forward.overhead_row_share, 0.6) < 0.05);
  CHECK(off_by(found->spec.device.forward.block_overhead_s, kernel.block_overhead_s) < 0.1);
  CHECK(found->spec.device.backward.overhead_row_share == 0);
}

TEST_CASE("A row of packed documents takes what the kernel over all of them takes") {
  const Device device = load_cluster("fit-a800")->device;
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    for (const std::int64_t document : {0, 64, 1000, 4096}) {
      for (const int heads : {1, 5, 32}) {
        const std::int64_t keys = document == 0 ? 12000 : 16 * document;
        const fit::KernelRow row{
            {},      8 * document + (document == 0 ? 8000 : 0), keys, heads, 128, true, pass, 0,
            document};
        CHECK(fit::seconds_of(row, device) == Approx(support::kernel_seconds(device, row)));
      }
    }
  }
}

TEST_CASE("Kernels that move rows tell launch and memory") {
  Case test;
  test.truth.device.kernel_launch_s = 4.5e-6;
  test.truth.device.memory_bandwidth_bytes_per_s = 1.7e12;
  Measurer measure(9, 0.02, 25);
  SECTION("large and small") {
    measure_copies(test.truth.device, measure, test.data);
    const auto found = test.run();
    REQUIRE(found.ok());
    CHECK(off_by(found->spec.device.kernel_launch_s, 4.5e-6) < 0.03);
    CHECK(off_by(found->spec.device.memory_bandwidth_bytes_per_s, 1.7e12) < 0.03);
    CHECK(fit::groups_of(found->points).size() == 2);
  }
  SECTION("small alone") {
    measure_copies(test.truth.device, measure, test.data);
    std::erase_if(test.data.copies, [](const fit::CopyRow& row) { return row.bytes > 1 << 24; });
    const auto found = test.run();
    REQUIRE(found.ok());
    CHECK(undetermined(*found, "device.memory_bandwidth") != nullptr);
    CHECK(found->numbers.empty());
  }
  SECTION("large alone") {
    measure_copies(test.truth.device, measure, test.data);
    std::erase_if(test.data.copies, [](const fit::CopyRow& row) { return row.bytes < 1 << 24; });
    const auto found = test.run();
    REQUIRE(found.ok());
    CHECK(undetermined(*found, "device.kernel_launch_s") != nullptr);
    CHECK(found->spec.device.kernel_launch_s == test.base.device.kernel_launch_s);
    CHECK(off_by(found->spec.device.memory_bandwidth_bytes_per_s, 1.7e12) < 0.05);
  }
  SECTION("no time to launch") {
    measure_copies(test.truth.device, measure, test.data);
    for (fit::CopyRow& row : test.data.copies) {
      const double moving_s = row.bytes / 1.7e12;
      row.seconds = moving_s * (row.bytes < 1 << 24 ? 0.8 : 1);
    }
    const auto found = test.run();
    REQUIRE(found.ok());
    CHECK(undetermined(*found, "device.kernel_launch_s") != nullptr);
    CHECK(off_by(found->spec.device.memory_bandwidth_bytes_per_s, 1.7e12) < 0.1);
  }
  SECTION("bytes in kilobytes") {
    measure_copies(test.truth.device, measure, test.data);
    for (fit::CopyRow& row : test.data.copies) row.bytes *= 1024;
    CHECK(test.run().error().message == "faster than any memory");
  }
}

TEST_CASE("What no row feels is kept and told") {
  Case test;
  Measurer measure(5, 0, 0);
  measure_kernels(test.truth.device, measure, test.data);
  std::erase_if(test.data.kernels, [](const fit::KernelRow& row) {
    return row.heads == 1 || row.queries < 16384 || row.pass == Pass::backward;
  });
  const auto found = test.run();
  REQUIRE(found.ok());
  CHECK(undetermined(*found, "device.forward.launch_s") != nullptr);
  CHECK(undetermined(*found, "device.backward") != nullptr);
  CHECK(std::none_of(found->numbers.begin(), found->numbers.end(), [](const auto& number) {
    return number.path == "device.forward.launch_s";  // what is kept is not fitted
  }));
  CHECK(undetermined(*found, "device.forward.fixed_share")->why == "only head_dim 128: kept");
  CHECK(found->spec.device.forward.launch_s == test.base.device.forward.launch_s);
}

TEST_CASE("Numbers say where they are from") {
  Case test;
  Measurer measure(6, 0, 0);
  measure_rounds(test.truth, 2, "0>1", measure, test.data);
  const auto found = test.run();
  REQUIRE(found.ok());
  const auto told = [](const ClusterSpec& spec, const std::string& start) {
    return std::count_if(spec.sources.begin(), spec.sources.end(),
                         [&](const std::string& line) { return line.starts_with(start); });
  };
  CHECK(told(found->spec, "nvlink: fitted to ") == 1);
  CHECK(told(found->spec, "nvlink:") == 1);  // the old line is gone
}

TEST_CASE("Nonsense is refused with its place") {
  Case test;
  Measurer measure(7, 0, 0);
  measure_rounds(test.truth, 2, "0>1", measure, test.data);
  SECTION("faster than any NVLink") {
    test.data.transfers.back().seconds /= 1000;
    CHECK(test.run().error().text().find("faster than all NVLinks of a GPU") != std::string::npos);
    CHECK(test.run().error().position == "line 36");
  }
  SECTION("too few rows") {
    test.data.transfers.erase(test.data.transfers.begin(), test.data.transfers.end() - 3);
    CHECK(test.run().error().message == "too few rounds inside a node of 64 KB and more");
    CHECK(test.run().error().found == "3");
    CHECK(test.run().error().expected == "at least 4");
  }
  SECTION("a GPU that is not there") {
    const auto found = fit::calibrate(*load_cluster("single-gpu"), 0, test.data);
    CHECK(found.error().message == "no such GPU in the cluster");
  }
  SECTION("a kernel beyond the data sheet") {
    measure_kernels(test.truth.device, measure, test.data);
    test.data.kernels.back().seconds /= 1000;
    CHECK(test.run().error().message == "faster than the device can compute");
  }
  SECTION("one kernel many times") {
    measure_kernels(test.truth.device, measure, test.data);
    test.data.kernels.assign(20, test.data.kernels.back());
    CHECK(test.run().error().message.find("too few different") == 0);
    CHECK(test.run().error().found == "1");
  }
  SECTION("all times in nanoseconds") {
    SECTION("of messages") {
      for (fit::TransferRow& row : test.data.transfers) row.seconds *= 1000;
      CHECK(test.run().error().message.find("slower than any link inside a node") == 0);
    }
    SECTION("of messages between nodes") {
      test.data = {};
      measure_rounds(test.truth, 2, "0>8", measure, test.data);
      for (fit::TransferRow& row : test.data.transfers) row.seconds *= 1000;
      CHECK(test.run().error().message.find("slower than any link between nodes") == 0);
    }
    SECTION("of kernels") {
      measure_kernels(test.truth.device, measure, test.data);
      for (fit::KernelRow& row : test.data.kernels) row.seconds *= 1000;
      CHECK(test.run().error().message.find("slower than any kernel") == 0);
    }
    SECTION("of copies") {
      measure_copies(test.truth.device, measure, test.data);
      for (fit::CopyRow& row : test.data.copies) row.seconds *= 1000;
      CHECK(test.run().error().message.find("slower than the memory of any GPU") == 0);
    }
  }
  SECTION("a causal row whose first queries see nothing") {
    test.data.kernels.push_back({{0, 9}, 4096, 2048, 1, 128, true, Pass::forward, 1});
    CHECK(test.run().error().position == "line 9");
    CHECK(test.run().error().found == "4096 > 2048");
  }
}

}  // namespace hsap
