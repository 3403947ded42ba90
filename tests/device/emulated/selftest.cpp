#include "device/selftest.hpp"

#include <catch2/catch.hpp>

using namespace hsap;

// The self-test and the launches it goes through, with the emulation in place of the device.
namespace {

void check(const test::Parts& parts) {
  test::Outcomes outcomes;
  for (const test::Part& part : parts) part.check(outcomes);
  for (const test::Outcome& outcome : outcomes) {
    INFO(outcome.name << ": " << outcome.difference << " of " << outcome.tolerance << " "
                      << outcome.report);
    CHECK(outcome.passed());
  }
  CHECK_FALSE(outcomes.empty());
}

kernels::Device device() { return kernels::current_device().value(); }

}  // namespace

TEST_CASE("primitives") { check(test::probe_parts(device(), 1)); }

TEST_CASE("rows") { check(test::row_parts(2, 30)); }

TEST_CASE("attention of both families") { check(test::attention_parts(device(), 3, true)); }
