#include "device/selftest.hpp"

#include <catch2/catch.hpp>

using namespace hsap;

// The self-test and the launches it goes through, with the emulation in place of the device.
namespace {

void check(const test::Outcomes& outcomes) {
  for (const test::Outcome& outcome : outcomes) {
    INFO(outcome.name << ": " << outcome.difference << " of " << outcome.tolerance << " "
                      << outcome.report);
    CHECK(outcome.passed());
  }
  CHECK_FALSE(outcomes.empty());
}

kernels::Device device() { return kernels::current_device().value(); }

}  // namespace

TEST_CASE("primitives") {
  test::Outcomes outcomes;
  test::check_probes(device(), 1, outcomes);
  check(outcomes);
}

TEST_CASE("rows") {
  test::Outcomes outcomes;
  test::check_rows(2, 30, outcomes);
  check(outcomes);
}

TEST_CASE("attention of both families") {
  test::Outcomes outcomes;
  test::check_attention(device(), 3, true, outcomes);
  check(outcomes);
}
