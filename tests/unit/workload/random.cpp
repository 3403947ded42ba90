#include "workload/random.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

using namespace hsap;

TEST_CASE("the bits are those of splitmix64") {
  // Published first outputs for seed 1234567 (Vigna, prng.di.unimi.it).
  Random random(1234567);
  CHECK(random.next() == 6457827717110365317U);
  CHECK(random.next() == 3203168211198807973U);
  CHECK(random.next() == 9817491932198370423U);
}

TEST_CASE("draws stay in range and are even") {
  Random random(5);
  std::array<int, 7> counts{};
  constexpr int draws = 70'000;
  for (int i = 0; i < draws; ++i) ++counts[random.below(7)];
  // Binomial with n p = 10000 and standard deviation 93: six of them.
  for (const int count : counts) CHECK(std::abs(count - draws / 7) < 6 * 93);
  for (int i = 0; i < 1000; ++i) {
    CHECK(random.below(1) == 0);
    const double x = random.unit();
    CHECK((x >= 0 && x < 1));
    const std::int64_t n = random.between(-3, 3);
    CHECK((n >= -3 && n <= 3));
  }
}

TEST_CASE("log-uniform draws have probability proportional to 1 / x") {
  const auto [low, high] = GENERATE(table<std::int64_t, std::int64_t>(
      {{1, 1}, {1, 2}, {3, 5}, {1, 100}, {7, 8}, {63, 130}, {1000, 1000}}));
  Random random(9);
  constexpr int draws = 200'000;
  std::vector<int> counts(static_cast<std::size_t>(high + 1), 0);
  for (int i = 0; i < draws; ++i) {
    const std::int64_t x = random.log_uniform(low, high);
    REQUIRE((x >= low && x <= high));
    ++counts[static_cast<std::size_t>(x)];
  }
  double harmonic = 0;
  for (std::int64_t x = low; x <= high; ++x) harmonic += 1.0 / static_cast<double>(x);
  for (std::int64_t x = low; x <= high; ++x) {
    const double p = 1 / (static_cast<double>(x) * harmonic);
    const double deviation = std::sqrt(draws * p * (1 - p));
    INFO(low << ".." << high << " at " << x);
    CHECK(std::abs(counts[static_cast<std::size_t>(x)] - draws * p) <= 5 * deviation + 1e-9);
  }
}

TEST_CASE("log-uniform draws over many octaves do not stall") {
  Random random(3);
  int short_ones = 0;
  constexpr int draws = 20'000;
  for (int i = 0; i < draws; ++i) {
    short_ones += random.log_uniform(1, std::int64_t{1} << 30) < (1 << 15) ? 1 : 0;
  }
  // H(2^15) / H(2^30) = 10.97 / 21.37 of them.
  CHECK(short_ones / static_cast<double>(draws) == Approx(0.513).margin(0.02));
}
