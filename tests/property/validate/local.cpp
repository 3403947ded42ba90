#include <algorithm>
#include <catch2/catch.hpp>

#include "support/compiled.hpp"
#include "support/random_problem.hpp"
#include "validate/device/fake_device.hpp"
#include "validate/local/execute_local.hpp"

namespace hsap {
namespace {

using support::Random;

constexpr Role results[] = {Role::o, Role::lse, Role::dq, Role::dk, Role::dv};

bool equal(const Tensor& a, const Tensor& b) {
  return std::equal(a.values.begin(), a.values.end(), b.values.begin(), b.values.end(),
                    [](double x, double y) { return x == y; });
}

/// Both passes of a random plan on a fake device whose streams run in random order.
void check(std::uint64_t seed, bool serialise) {
  Random random(seed);
  const Problem problem = support::random_problem(random);
  const Strategy strategy = support::random_strategy(random, problem, 8);
  INFO(support::describe(problem, strategy));
  Tensors host = random_inputs(problem, seed);
  Tensors local = host;
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    const Schedule schedule = support::compiled(problem, strategy, pass);
    const auto truth = execute(schedule, host);
    REQUIRE(truth);
    device::FakeDevice device(seed);
    const auto run = local::execute_local(schedule, local, device, {serialise});
    INFO((run ? "" : run.error().text()));
    REQUIRE(run);
    CHECK(run->execution.bytes_sent == truth->bytes_sent);
    CHECK(run->execution.peak_buffer_bytes == truth->peak_buffer_bytes);
    CHECK(run->times.size() == schedule.operations.size());
  }
  for (const Role role : results) {
    CAPTURE(to_string(role));
    CHECK(equal(local[role], host[role]));
  }
}

TEST_CASE("ranks on one device give what ranks as threads give, bit for bit") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    check(seed, seed % 4 == 0);
  }
}

}  // namespace
}  // namespace hsap
