#include <catch2/catch.hpp>

#include "support/timed_communicator.hpp"
#include "unit/validate/world/ranks.hpp"
#include "validate/device/fake_communicator.hpp"
#include "validate/measure/interference.hpp"

// Ranks whose messages and kernels take known shares from each other: what is measured must be
// those.
namespace hsap {
namespace {

using Found = std::optional<measure::Interference>;

/// What each rank had, or said when it failed.
struct Ran {
  std::vector<std::string> said;
  Found found;  ///< of rank 0
};

constexpr double slower = 1.06;  ///< kernels of the last rank

Ran run(const std::vector<int>& nodes, const test::BesideTruth& truth,
        const test::HostTruth& host = {}) {
  Ran ran;
  const ClusterSpec spec = *load_cluster("dgx-h100");
  const Cluster cluster = *Cluster::build(spec, nodes.back() + 1);
  test::TimedFabric fabric(cluster);
  const world::Port port;
  const int ranks = static_cast<int>(nodes.size());
  ran.said = world::run_ranks(ranks, [&](int rank) -> std::string {
    auto world = world::World::join(world::place(rank, ranks, port.meet()), {}, world::patient());
    if (!world) return world.error().text();
    Device own = spec.device;
    if (rank == ranks - 1) {
      own.forward.flop_per_s /= slower;
      own.forward.block_overhead_s *= slower;
      own.forward.launch_s *= slower;
    }
    constexpr double noise = 0.005;
    test::TimedDevice device(own, support::Measurer(static_cast<std::uint64_t>(rank + 1), noise, 0),
                             host, truth);
    test::TimedCommunicator communicator(fabric, device, rank);
    measure::Options options;
    options.clock = [&] { return device.now(); };
    const auto found =
        measure::measure_interference({*world, device, communicator, nodes}, options);
    if (rank == 0 && found) ran.found = *found;
    if (rank != 0 && found && *found) return "tells what only rank 0 tells";
    const Status ended = world->finish();
    return !found ? found.error().text() : !ended ? ended.error().text() : "fine";
  });
  return ran;
}

TEST_CASE("What messages and kernels take from each other is found again") {
  for (const auto& [taken, kept] : {std::pair{0.12, 0.8}, {0.03, 1.0}, {0.25, 0.2}, {0.0, 0.5}}) {
    CAPTURE(taken, kept);
    const Ran ran = run(std::vector<int>(4, 0), {taken, kept});
    for (const std::string& each : ran.said) CHECK(each == "fine");
    REQUIRE(ran.found);
    CHECK(ran.found->taken_share == Approx(taken).margin(0.02));
    CHECK(ran.found->overlap_share == Approx(kept).margin(0.03));
    CHECK(ran.found->kernel_slowdown == Approx(slower - 1).margin(0.01));
    CHECK(ran.found->host_exchange_s ==
          Approx(test::TimedCommunicator::exchange_host_s).epsilon(0.02));
    CHECK(ran.found->host_transfer_s ==
          Approx(test::TimedCommunicator::transfer_host_s).epsilon(0.02));
  }
}

TEST_CASE("Messages are there before the kernels also where streams do not wait for each other") {
  test::HostTruth host;
  host.stream_wait_s = 0;
  const Ran ran = run(std::vector<int>(4, 0), {0.12, 0.8, 1e-6}, host);
  for (const std::string& each : ran.said) CHECK(each == "fine");
  REQUIRE(ran.found);
  CHECK(ran.found->taken_share == Approx(0.12).margin(0.02));
  CHECK(ran.found->overlap_share == Approx(0.8).margin(0.03));
}

TEST_CASE("Two nodes of one GPU send to each other, and ranks outside of the first node wait") {
  for (const std::vector<int>& nodes : {std::vector<int>{0, 1}, {0, 0, 1}}) {
    const Ran ran = run(nodes, {0.12, 0.8});
    for (const std::string& each : ran.said) CHECK(each == "fine");
    REQUIRE(ran.found);
    CHECK(ran.found->taken_share == Approx(0.12).margin(0.02));
    CHECK(ran.found->overlap_share == Approx(0.8).margin(0.03));
  }
}

TEST_CASE("One rank has nothing to measure") {
  const Ran ran = run({0}, {});
  CHECK(ran.said == std::vector<std::string>{"fine"});
  CHECK_FALSE(ran.found);
}

TEST_CASE("Messages that are sent are received, and stay inside of the memory") {
  device::FakeFabric fabric;
  const world::Port port;
  const auto said = world::run_ranks(3, [&](int rank) -> std::string {
    auto world = world::World::join(world::place(rank, 3, port.meet()), {}, world::patient());
    if (!world) return world.error().text();
    device::FakeDevice device(static_cast<std::uint64_t>(rank));
    device::FakeCommunicator communicator(fabric, device, rank, 3);
    device.set_poll([&] { return communicator.poll(); });
    measure::Options options;
    options.message_bytes = 1 << 12;
    options.kernel_tokens = 8;
    options.workspace_bytes = 0;  // the least
    const auto found =
        measure::measure_interference({*world, device, communicator, {0, 0, 0}}, options);
    const Status ended = world->finish();
    return !found ? found.error().text() : !ended ? ended.error().text() : "fine";
  });
  for (const std::string& each : said) CHECK(each == "fine");
}

}  // namespace
}  // namespace hsap
