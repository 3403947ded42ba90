#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <set>

#include "hsap/batch.hpp"

using namespace hsap;

namespace {

using Indices = std::vector<std::uint32_t>;

std::vector<double> random_work(std::mt19937& random, std::size_t batches) {
  std::vector<double> work(batches);
  for (double& each : work) each = std::exp(static_cast<double>(random() % 1000) / 300);
  return work;
}

}  // namespace

TEST_CASE("a step takes batches that are alike") {
  const std::vector<double> work{5, 1, 9, 2, 8, 3};
  CHECK(*deal(work, {2, 1, 1}) == Indices{1, 3, 5, 0, 4, 2});
}

TEST_CASE("the heaviest batch goes to the replica with least so far") {
  // Rows 1 1, 2 3 and 4 9, the last dealt first: 9 with 2 and 4 with 3.
  const std::vector<double> work{4, 9, 2, 3, 1, 1};
  const Indices order = *deal(work, {2, 3, 1});
  CHECK(order[4] == 0);
  CHECK(order[5] == 1);
  CHECK(order[2] == 3);
  CHECK(order[3] == 2);
  CHECK(std::set<std::uint32_t>(order.begin(), order.begin() + 2) == std::set<std::uint32_t>{4, 5});
}

TEST_CASE("replicas that share experts take neighbours") {
  const std::vector<double> work{8, 1, 7, 2, 6, 3, 5, 4};
  const Indices order = *deal(work, {4, 2, 2});
  // 8 7 beside 6 5, and then 2 1 to those who had more.
  CHECK(order == Indices{5, 7, 1, 3, 6, 4, 2, 0});
}

TEST_CASE("every batch is dealt once, and replicas have about as much") {
  std::mt19937 random(3);
  for (const int accumulation : {1, 2, 16}) {
    for (const int steps : {1, 3}) {
      constexpr int replicas = 8;
      const auto batches = static_cast<std::size_t>(replicas * accumulation * steps);
      const std::vector<double> work = random_work(random, batches);
      const Indices order = *deal(work, {replicas, accumulation, 1});
      REQUIRE(std::set<std::uint32_t>(order.begin(), order.end()).size() == batches);
      std::size_t at = 0;
      for (int step = 0; step < steps; ++step) {
        std::vector<double> sums(replicas);
        double row_spread = 0;
        double before = 0;
        for (int place = 0; place < accumulation; ++place) {
          double least = std::numeric_limits<double>::max();
          double most = 0;
          for (double& sum : sums) {
            const double each = work[order[at++]];
            sum += each;
            least = std::min(least, each);
            most = std::max(most, each);
          }
          CHECK(least >= before);  // places in the order of their work
          before = most;
          row_spread = std::max(row_spread, most - least);
        }
        const auto [least, most] = std::minmax_element(sums.begin(), sums.end());
        CHECK(*most - *least <= row_spread * (1 + 1e-12));  // greedy: never more than one place
      }
    }
  }
}

TEST_CASE("deals that cannot be are refused") {
  const std::vector<double> six(6, 1);
  CHECK(deal(six, {4, 1, 1}).error().text() ==
        "batches that do not fill optimizer steps; found 6, expected a multiple of 4");
  CHECK(deal(six, {6, 1, 4}).error().text() ==
        "replicas cannot be put together evenly; found 4 of 6, expected a divisor");
  CHECK(deal(six, {0, 1, 1}).error().text() ==
        "bad number of replicas; found 0, expected at least 1");
  CHECK(deal(six, {1, -1, 1}).error().kind == ErrorKind::bad_input);
  CHECK(deal(six, {1, 1, 0}).error().kind == ErrorKind::bad_input);
  CHECK(deal(std::vector<double>{}, {1, 1, 1}).error().kind == ErrorKind::bad_input);
  const std::vector<double> odd{1, std::nan("")};
  CHECK(deal(odd, {2, 1, 1}).error().text() ==
        "bad work of batch 1; found nan, expected a number from 0 on");
}
