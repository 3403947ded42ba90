#include "simulate/network/backlog.hpp"

#include <catch2/catch.hpp>
#include <cmath>

using namespace hsap;

TEST_CASE("ends that nothing follows all count, and had as long as has passed") {
  Backlog backlog;
  REQUIRE(backlog.empty());
  backlog.end(1, 5);
  backlog.end(1, 5);
  REQUIRE_FALSE(backlog.empty());
  REQUIRE(backlog.unsettled() == 2);
  REQUIRE(backlog.settle(3) == 2);
  REQUIRE(backlog.empty());
}

TEST_CASE("flows that follow others count an eighth and leave less unused") {
  // 4 of 5 bytes a second are taken at once: a fifth stays unused, as after sqrt(1/5) of the time.
  Backlog backlog;
  backlog.end(0, 5);
  backlog.begin(0);
  backlog.take(4);
  REQUIRE(backlog.unsettled() == 0.25);
  REQUIRE(backlog.settle(2) == Approx(2 * std::sqrt(0.2)));
}

TEST_CASE("flows that follow foreseen ends are not too many") {
  Backlog backlog;
  backlog.end_as_foreseen();
  REQUIRE(backlog.empty());
  backlog.begin(0);
  backlog.begin(0);
  REQUIRE(backlog.unsettled() == 1);
}

TEST_CASE("bytes taken beyond what was left count against what is left later") {
  // 2 x (3 - 1) = 4 bytes too many; of the 5 x 2 that are left next, 6 stay unused.
  Backlog backlog;
  backlog.end(0, 1);
  backlog.begin(0);
  backlog.take(3);
  REQUIRE(backlog.settle(2) == 0);
  backlog.end(10, 5);
  REQUIRE(backlog.settle(12) == Approx(2 * std::sqrt(0.6)));
}
