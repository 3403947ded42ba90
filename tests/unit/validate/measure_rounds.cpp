#include <catch2/catch.hpp>
#include <numeric>

#include "cost/calibrate/calibrate.hpp"
#include "cost/measurements/read.hpp"
#include "support/folder.hpp"
#include "support/timed_communicator.hpp"
#include "unit/validate/world/ranks.hpp"
#include "validate/device/fake_communicator.hpp"
#include "validate/measure/rounds.hpp"

// Rounds of messages between processes whose links follow a known cluster: the fit to what rank 0
// writes down must find its numbers again.
namespace hsap {
namespace {

using support::off_by;

/// The cluster whose links are measured.
ClusterSpec truth() {
  ClusterSpec spec = *load_cluster("dgx-h100");
  const auto set = [&](LinkClass of, double rate, double latency_s) {
    LinkCurve& curve = spec.curves[static_cast<int>(of)];
    curve.bandwidth_bytes_per_s = rate;
    curve.latency_s = latency_s;
  };
  set(LinkClass::nvlink, 320e9, 6e-6);
  set(LinkClass::nic, 41e9, 2e-6);
  return spec;
}

struct Found {
  std::vector<std::string> said;  ///< by rank
  measure::TimedRounds rounds;    ///< as rank 0 has them
};

Found run(int ranks, const std::vector<int>& nodes, double budget_s,
          double exchange_host_s = test::TimedCommunicator::exchange_host_s) {
  Found found;
  // Ranks lie at the beginning of their nodes' GPUs only when nodes are full: 8 ranks each.
  const Cluster cluster = *Cluster::build(truth(), nodes.back() + 1);
  test::TimedFabric fabric(cluster);
  const world::Port port;
  found.said = world::run_ranks(ranks, [&](int rank) -> std::string {
    auto world = world::World::join(world::place(rank, ranks, port.meet()), {}, world::patient());
    if (!world) return world.error().text();
    test::TimedDevice device(cluster.spec().device,
                             support::Measurer(static_cast<std::uint64_t>(rank + 1), 0.01, 0));
    test::TimedCommunicator communicator(fabric, device, rank, exchange_host_s);
    measure::Options options;
    options.budget_s = budget_s;
    options.clock = [&] { return device.now(); };
    auto rounds = measure::measure_rounds({*world, device, communicator, nodes}, options);
    if (rank == 0 && rounds) found.rounds = *rounds;
    const Status ended = world->finish();
    return !rounds ? rounds.error().text() : !ended ? ended.error().text() : "fine";
  });
  return found;
}

std::vector<int> identity(std::size_t ranks) {
  std::vector<int> gpus(ranks);
  std::iota(gpus.begin(), gpus.end(), 0);
  return gpus;
}

}  // namespace

TEST_CASE("Links inside a node and between nodes are found again") {
  std::vector<int> nodes(8, 0);
  nodes.resize(16, 1);
  const Found found = run(16, nodes, 60);
  for (const std::string& each : found.said) CHECK(each == "fine");
  CHECK(found.rounds.skipped == 0);
  const test::Folder folder;
  fit::Data data;
  REQUIRE(fit::read_transfers(
      folder.write("t.csv", measure::transfers_csv(found.rounds, identity(16))), data));
  CHECK(data.patterns.size() == 9);
  const auto fitted = fit::calibrate(*load_cluster("dgx-h100"), 0, data);
  INFO((fitted ? "" : fitted.error().text()));
  REQUIRE(fitted);
  const auto curve = [&](LinkClass of) { return fitted->spec.curves[static_cast<int>(of)]; };
  CHECK(off_by(curve(LinkClass::nvlink).bandwidth_bytes_per_s, 320e9) < 0.03);
  CHECK(off_by(curve(LinkClass::nvlink).latency_s, 6e-6) < 0.1);
  CHECK(off_by(curve(LinkClass::nic).bandwidth_bytes_per_s, 41e9) < 0.03);
  CHECK(fitted->nodes == 2);
}

TEST_CASE("A host that issues slower than small messages travel is not what is measured") {
  const Found found = run(2, {0, 0}, 60, 200e-6);
  for (const std::string& each : found.said) CHECK(each == "fine");
  const Cluster cluster = *Cluster::build(truth(), 1);
  for (const auto& [round, sample] : found.rounds.rounds) {
    INFO(round.transfers.size() << " messages of " << round.bytes);
    const double expected_s = fit::round_seconds(cluster, {{}, round.transfers}, round.bytes);
    CHECK(off_by(sample.seconds, expected_s) < 0.05);
  }
}

TEST_CASE("A node of two GPUs has few patterns, and large ones are no larger than the memory") {
  const std::vector<measure::Round> rounds = measure::rounds_of({0, 0}, 1 << 30);
  for (const measure::Round& round : rounds) CHECK(round.transfers.size() <= 2);
  CHECK(rounds.size() == 22);
  for (const measure::Round& round : measure::rounds_of(std::vector<int>(64, 0), 1 << 30)) {
    if (round.transfers.size() > 64) CHECK(63 * round.bytes <= 1 << 30);
  }
  CHECK(measure::rounds_of({0}, 1 << 30).empty());
}

TEST_CASE("Rank 0 ends the measurements of all when the time is up") {
  const Found found = run(2, {0, 0}, 0.02);
  for (const std::string& each : found.said) CHECK(each == "fine");
  CHECK(found.rounds.skipped > 0);
  CHECK_FALSE(found.rounds.rounds.empty());
}

TEST_CASE("Messages that are sent are received, whatever the order of the ranks") {
  device::FakeFabric fabric;
  const world::Port port;
  const auto said = world::run_ranks(3, [&](int rank) -> std::string {
    auto world = world::World::join(world::place(rank, 3, port.meet()), {}, world::patient());
    if (!world) return world.error().text();
    device::FakeDevice device(static_cast<std::uint64_t>(rank));
    device::FakeCommunicator communicator(fabric, device, rank, 3);
    device.set_poll([&] { return communicator.poll(); });
    measure::Options options;
    options.message_bytes = 1 << 14;
    options.workspace_bytes = 0;  // the least
    const auto rounds = measure::measure_rounds({*world, device, communicator, {0, 0, 0}}, options);
    const Status ended = world->finish();
    return !rounds ? rounds.error().text() : !ended ? ended.error().text() : "fine";
  });
  for (const std::string& each : said) CHECK(each == "fine");
}

}  // namespace hsap
