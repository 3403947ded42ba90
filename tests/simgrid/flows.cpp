// The network against SimGrid, whose max-min solver others wrote and validated: random transfers
// on random hierarchies of GPU links, NICs and leaf uplinks end at the same times.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "fabric.hpp"
#include "simgrid_ends.hpp"
#include "simulate/network/network.hpp"

using namespace hsap;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double tolerance = 1e-3;  ///< of a transfer's own duration

/// Ends of the transfers in the network's exact mode.
std::vector<double> network_ends(const Fabric& fabric) {
  Network network(fabric.bandwidths, {.window = 0, .waiting_share = 0});
  std::vector<double> ends(fabric.transfers.size(), infinity);
  std::vector<std::uint32_t> tags;
  std::size_t started = 0;
  for (double now = 0;;) {
    for (; started < ends.size() && fabric.transfers[started].start_s <= now; ++started) {
      const Parcel& transfer = fabric.transfers[started];
      network.start(now,
                    {fabric.route(transfer), transfer.cap_bytes_per_s,
                     static_cast<double>(transfer.bytes), static_cast<std::uint32_t>(started)});
    }
    const double end = network.next_finish(now);
    const double start = started < ends.size() ? fabric.transfers[started].start_s : infinity;
    now = std::min(end, start);
    if (now == infinity) return ends;
    if (end > now) continue;
    tags.clear();
    network.finish(now, tags);
    for (const std::uint32_t tag : tags) ends[tag] = now;
  }
}

/// Largest difference of an end, as a share of what the transfer took.
double worst(const Fabric& fabric, const std::vector<double>& ours,
             const std::vector<double>& theirs) {
  double most = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const double took = theirs[i] - fabric.transfers[i].start_s;
    most = std::max(most, std::abs(ours[i] - theirs[i]) / took);
  }
  return most;
}

/// Runs `count` fabrics of up to `most` transfers through both.
void compare(unsigned seed, int count, int most, FabricShape shape) {
  std::mt19937_64 random(seed);
  std::vector<Fabric> fabrics;
  for (int i = 0; i < count; ++i) {
    shape.transfers = std::uniform_int_distribution<int>(1, most)(random);
    fabrics.push_back(random_fabric(random, shape));
  }
  const std::vector<std::vector<double>> theirs = simgrid_ends(fabrics);
  REQUIRE(theirs.size() == fabrics.size());
  for (std::size_t i = 0; i < fabrics.size(); ++i) {
    INFO("fabric " << i << " of seed " << seed);
    CHECK(worst(fabrics[i], network_ends(fabrics[i]), theirs[i]) < tolerance);
  }
}

}  // namespace

TEST_CASE("two transfers share a link and the second gets it alone: both know the answer") {
  Fabric fabric{.gpus = 3, .bandwidths = {10e6}, .routes = {}, .transfers = {}};
  fabric.routes.assign(9, {0});
  fabric.transfers = {{0, 1, 10'000'000, 10e6, 0}, {0, 2, 20'000'000, 10e6, 0}};
  const std::vector<std::vector<double>> theirs = simgrid_ends({&fabric, 1});
  REQUIRE(theirs.size() == 1);
  // 10 MB each at 5 MB/s, then 10 MB at 10 MB/s.
  CHECK(theirs[0][0] == Approx(2));
  CHECK(theirs[0][1] == Approx(3));
  CHECK(network_ends(fabric)[0] == Approx(2));
  CHECK(network_ends(fabric)[1] == Approx(3));
}

TEST_CASE("few transfers of any size and cap that start at any time end when SimGrid says") {
  compare(1, 400, 12, {});
}

TEST_CASE("many transfers that start at any time end when SimGrid says") {
  compare(2, 60, 150, {});
}

TEST_CASE("transfers that start at once end when SimGrid says") {
  compare(3, 100, 60, {.late = false});
}

TEST_CASE("equal transfers on equal links, where everything ties, end when SimGrid says") {
  compare(4, 100, 60, {.even = true, .late = false});
  compare(5, 100, 60, {.even = true});
}
