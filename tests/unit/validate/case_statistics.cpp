// Statistics over measured cases.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "validate/cases/statistics.hpp"

namespace hsap::cases {

TEST_CASE("Kendall's tau-b by hand") {
  const std::vector<double> up{1, 2, 3, 4};
  const std::vector<double> down{4, 3, 2, 1};
  CHECK(kendall_tau(up, up) == 1);
  CHECK(kendall_tau(up, down) == -1);
  CHECK(kendall_tau(up, std::vector<double>{1, 3, 2, 4}) == Approx(4.0 / 6));
  // A tie in b: 5 pairs agree, none disagrees; 6 untied pairs in a and 5 in b.
  CHECK(kendall_tau(up, std::vector<double>{1, 2, 2, 3}) == Approx(5 / std::sqrt(30.0)));
  CHECK(std::isnan(kendall_tau(up, std::vector<double>{1, 1, 1, 1})));
  CHECK(std::isnan(kendall_tau({}, {})));
}

TEST_CASE("Kendall's tau-b is that of all pairs, and of a million cases too") {
  std::mt19937_64 random(1);
  const auto numbers = [&](std::size_t count, std::uint64_t values) {
    std::vector<double> out(count);
    for (double& x : out) x = static_cast<double>(random() % values);
    return out;
  };
  for (const std::uint64_t values : {2U, 5U, 1000U}) {
    const std::vector<double> a = numbers(60, values);
    const std::vector<double> b = numbers(60, values);
    double agreeing = 0, untied_a = 0, untied_b = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const double order_a = (a[i] > a[j]) - (a[i] < a[j]);
        const double order_b = (b[i] > b[j]) - (b[i] < b[j]);
        agreeing += order_a * order_b;
        untied_a += std::abs(order_a);
        untied_b += std::abs(order_b);
      }
    }
    CHECK(kendall_tau(a, b) == agreeing / std::sqrt(untied_a * untied_b));
  }
  const std::vector<double> many = numbers(1 << 20, 1U << 30);
  CHECK(kendall_tau(many, many) == 1);
}

TEST_CASE("Errors of a group by hand") {
  // +10 %, -20 %, +30 %, 0 %.
  std::vector<Case> items(4);
  const double measured[] = {1, 1, 2, 4};
  const double predicted[] = {1.1, 0.8, 2.6, 4};
  std::vector<Outcome> outcomes;
  for (std::size_t i = 0; i < 4; ++i) {
    items[i].group.assign(1, i < 2 ? 'a' : 'b');
    items[i].measured = measured[i];
    outcomes.push_back({&items[i], predicted[i]});
  }
  const std::vector<Statistics> all = by_group(outcomes);
  REQUIRE(all.size() == 3);
  CHECK(all[0].group == "a");
  CHECK(all[0].mape == Approx(0.15));
  CHECK(all[0].bias == Approx(-0.05));
  CHECK(all[2].group == "all");
  CHECK(all[2].cases == 4);
  CHECK(all[2].mape == Approx(0.15));
  CHECK(all[2].median == Approx(0.15));
  CHECK(all[2].p90 == Approx(0.3));
  CHECK(all[2].bias == Approx(0.05));
  CHECK(all[2].tau == Approx(5 / std::sqrt(5.0 * 6)));
}

}  // namespace hsap::cases
