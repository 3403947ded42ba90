#include <algorithm>
#include <catch2/catch.hpp>
#include <thread>

#include "support/compiled.hpp"
#include "support/random_problem.hpp"
#include "validate/device/fake_communicator.hpp"
#include "validate/gpu/execute_local.hpp"
#include "validate/gpu/execute_rank.hpp"
#include "validate/host/program.hpp"

namespace hsap {
namespace {

using support::Random;

constexpr Role results[] = {Role::o, Role::lse, Role::dq, Role::dk, Role::dv};

bool equal(const Tensor& a, const Tensor& b) {
  return std::equal(a.values.begin(), a.values.end(), b.values.begin(), b.values.end(),
                    [](double x, double y) { return x == y; });
}

/// What a way of running a schedule did.
struct Counts {
  std::vector<std::int64_t> bytes_sent;
  std::vector<std::int64_t> buffer_bytes;
};
using Executor = std::function<Counts(const Schedule&, Tensors&)>;

/// Both passes of a random plan, against ranks as threads on the host.
void check(std::uint64_t seed, const Executor& run) {
  Random random(seed);
  const Problem problem = support::random_problem(random);
  const Strategy strategy = support::random_strategy(random, problem, 8);
  INFO(support::describe(problem, strategy));
  Tensors truth = random_inputs(problem, seed);
  Tensors found = truth;
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    const Schedule schedule = support::compiled(problem, strategy, pass);
    const auto on_host = execute(schedule, truth);
    REQUIRE(on_host);
    const Counts counts = run(schedule, found);
    CHECK(counts.bytes_sent == on_host->bytes_sent);
    CHECK(counts.buffer_bytes == on_host->peak_buffer_bytes);
  }
  for (const Role role : results) {
    CAPTURE(to_string(role));
    CHECK(equal(found[role], truth[role]));
  }
}

TEST_CASE("ranks on one device give what ranks as threads give, bit for bit") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    check(seed, [seed](const Schedule& schedule, Tensors& tensors) -> Counts {
      // Streams run in random order.
      device::FakeDevice device(seed);
      const executor::LocalOptions options{seed % 4 == 0, 1 + static_cast<int>(seed % 3),
                                           seed % 5 < 2};
      const auto run = executor::execute_local(schedule, tensors, device, options);
      if (!run) FAIL(run.error().text());
      CHECK(run->times.size() == schedule.operations.size());
      return {run->bytes_sent, run->peak_buffer_bytes};
    });
  }
}

TEST_CASE("ranks on devices of their own do too") {
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {
    CAPTURE(seed);
    check(seed, [seed](const Schedule& schedule, Tensors& tensors) -> Counts {
      std::array<device::FakeFabric, streams> fabrics;
      const auto ranks = static_cast<std::size_t>(schedule.ranks());
      std::vector<std::string> errors(ranks);
      std::vector<executor::RankExecution> done(ranks);
      host::make_room(schedule, tensors);
      std::vector<std::thread> threads;
      for (std::size_t i = 0; i < ranks; ++i) {
        threads.emplace_back([&, i] {
          const auto rank = static_cast<Rank>(i);
          device::FakeDevice device(seed + i);
          std::deque<device::FakeCommunicator> peers;
          executor::RankResources on{device, {}, {}, executor::AtOnce::none, 1 + int(seed % 2)};
          on.graph = seed % 3 != 0;
          for (std::size_t s = 1; s < streams; ++s) {
            on.communicators[s] = &peers.emplace_back(fabrics[s], device, rank, schedule.ranks());
          }
          device.set_poll([&] { return peers.front().poll(); });
          auto run = executor::execute_rank(schedule, rank, tensors, on);
          if (!run) {
            errors[i] = run.error().text();
            for (auto& fabric : fabrics) fabric.abort();
            return;
          }
          done[i] = *std::move(run);
        });
      }
      for (std::thread& thread : threads) thread.join();
      Counts counts;
      for (std::size_t i = 0; i < ranks; ++i) {
        CAPTURE(errors[i]);
        CHECK(errors[i].empty());
        counts.bytes_sent.insert(counts.bytes_sent.end(), done[i].bytes_sent.begin(),
                                 done[i].bytes_sent.end());
        counts.buffer_bytes.push_back(done[i].buffer_bytes);
      }
      return counts;
    });
  }
}

}  // namespace
}  // namespace hsap
