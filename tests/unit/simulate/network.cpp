#include "simulate/network/network.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <map>

using namespace hsap;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Finish time of every flow, by tag.
std::map<std::uint32_t, double> run(Network& network, double from = 0) {
  std::map<std::uint32_t, double> ends;
  std::vector<std::uint32_t> tags;
  for (double now = from; (now = network.next_finish(now)) < infinity;) {
    tags.clear();
    network.finish(now, tags);
    for (const std::uint32_t tag : tags) ends[tag] = now;
  }
  return ends;
}

const std::vector<LinkId> first{0};
const std::vector<LinkId> second{1};
const std::vector<LinkId> both{0, 1};

}  // namespace

TEST_CASE("a flow alone runs at its cap") {
  Network network({10});
  network.start(2, {first, 4, 8, 0});
  REQUIRE(network.next_finish(2) == 4);  // 2 + 8 / 4
}

TEST_CASE("a flow with a low cap leaves its share to the others") {
  // Link of 10, caps 1, 10, 10: shares 1, 4.5, 4.5.
  Network network({10});
  const FlowId slow = network.start(0, {first, 1, 100, 0});
  const FlowId a = network.start(0, {first, 10, 100, 1});
  const FlowId b = network.start(0, {first, 10, 100, 2});
  network.next_finish(0);
  REQUIRE(network.rate(slow) == 1);
  REQUIRE(network.rate(a) == Approx(4.5).epsilon(1e-15));
  REQUIRE(network.rate(b) == Approx(4.5).epsilon(1e-15));
}

TEST_CASE("a link that fills first decides, and the rest goes to the others") {
  // Flow 0 on links 0 (10) and 1 (4), flow 1 on link 0, flow 2 on link 1.
  // Link 1 fills at 2: flows 0 and 2 stop there. Flow 1 gets the rest of link 0: 8.
  Network network({10, 4});
  const FlowId across = network.start(0, {both, 4, 100, 0});
  const FlowId wide = network.start(0, {first, 10, 100, 1});
  const FlowId narrow = network.start(0, {second, 4, 100, 2});
  network.next_finish(0);
  REQUIRE(network.rate(across) == 2);
  REQUIRE(network.rate(narrow) == 2);
  REQUIRE(network.rate(wide) == 8);
}

TEST_CASE("a slowed flow moves less and keeps its share of the link") {
  // Both share a link of 10 at 5 each; at half speed flow 0 moves 2.5 a second.
  // At t = 4 flow 1 has its 20 bytes and ends; flow 0 has moved 10 of 30, then moves 10 / 2.
  Network network({10});
  const FlowId slowed = network.start(0, {first, 10, 30, 0});
  network.start(0, {first, 10, 20, 1});
  network.set_speed(0, slowed, 0.5);
  const auto ends = run(network);
  REQUIRE(ends.at(1) == Approx(4).epsilon(1e-15));
  REQUIRE(ends.at(0) == Approx(8).epsilon(1e-15));
}

TEST_CASE("a flow that starts later takes its part from then on") {
  // Alone at 10 until t = 1 (10 of 20 bytes), then 5: ends at 3. The other: 10 bytes by t = 3,
  // then 10 a second for the remaining 20: ends at 5.
  Network network({10});
  network.start(0, {first, 10, 20, 0});
  network.next_finish(0);
  network.start(1, {first, 10, 30, 1});
  const auto ends = run(network, 1);
  REQUIRE(ends.at(0) == Approx(3).epsilon(1e-15));
  REQUIRE(ends.at(1) == Approx(5).epsilon(1e-15));
}

TEST_CASE("flows that finish at nearly one moment finish together") {
  Network network({10, 10}, {.window = 1e-6});
  network.start(0, {first, 10, 100, 0});
  network.start(0, {second, 10, 100 * (1 + 1e-9), 1});
  std::vector<std::uint32_t> tags;
  network.finish(network.next_finish(0), tags);
  REQUIRE(tags == std::vector<std::uint32_t>{0, 1});
  REQUIRE(network.active() == 0);
}

TEST_CASE("link use is recorded at each change and ends at zero") {
  Network network({10, 10}, {.record_use = true});
  network.start(0, {first, 10, 20, 0});
  network.start(0, {both, 10, 40, 1});
  run(network);
  // Until t = 4 both run at 5 (flow 0 moves 20), then flow 1 moves its other 20 at 10.
  const auto same = [](const LinkUse& use, LinkId link, double at, double rate) {
    return use.link == link && use.at_s == Approx(at) && use.bytes_per_s == Approx(rate);
  };
  const std::vector<LinkUse>& use = network.use();
  REQUIRE(use.size() == 5);
  REQUIRE(same(use[0], 0, 0, 10));
  REQUIRE(same(use[1], 1, 0, 5));
  REQUIRE(same(use[2], 1, 4, 10));
  REQUIRE(same(use[3], 0, 6, 0));
  REQUIRE(same(use[4], 1, 6, 0));
  REQUIRE(network.carried_bytes() == std::vector<double>{60, 40});
}
