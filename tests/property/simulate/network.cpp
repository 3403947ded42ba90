// The network against a reference that knows no shortcuts: at every start and end it fills all
// rates anew, in the smallest steps there are, over all flows and links.
#include "simulate/network/network.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <limits>
#include <numeric>
#include <random>

using namespace hsap;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Case {
  std::vector<double> bandwidths;
  std::vector<std::vector<LinkId>> routes;
  std::vector<double> caps;
  std::vector<double> bytes;
  std::vector<double> starts;  ///< ascending
};

Case random_case(std::mt19937_64& random, int links, int flows) {
  std::uniform_real_distribution<double> real(1, 10);
  std::uniform_int_distribution<int> hops(1, std::min(links, 4));
  Case out;
  for (int i = 0; i < links; ++i) out.bandwidths.push_back(real(random));
  std::vector<LinkId> all(out.bandwidths.size());
  std::iota(all.begin(), all.end(), 0);
  for (int i = 0; i < flows; ++i) {
    std::shuffle(all.begin(), all.end(), random);
    out.routes.emplace_back(all.begin(), all.begin() + hops(random));
    double cap = infinity;
    for (const LinkId link : out.routes.back()) cap = std::min(cap, out.bandwidths[link]);
    out.caps.push_back(cap * real(random) / 10);
    out.bytes.push_back(real(random) * 5);
    out.starts.push_back(random() % 3 == 0 ? 0 : real(random));
  }
  std::sort(out.starts.begin(), out.starts.end());
  return out;
}

/// Rates of the flows in `alive` by progressive filling.
std::vector<double> reference_rates(const Case& c, const std::vector<bool>& alive) {
  std::vector<double> rate(alive.size(), 0.0);
  std::vector<bool> rising = alive;
  while (std::find(rising.begin(), rising.end(), true) != rising.end()) {
    double step = infinity;
    std::vector<double> left = c.bandwidths;
    std::vector<int> count(left.size(), 0);
    for (std::size_t f = 0; f < rate.size(); ++f) {
      if (!alive[f]) continue;
      for (const LinkId link : c.routes[f]) left[link] -= rate[f];
      if (!rising[f]) continue;
      for (const LinkId link : c.routes[f]) ++count[link];
      step = std::min(step, c.caps[f] - rate[f]);
    }
    for (std::size_t l = 0; l < left.size(); ++l) {
      if (count[l] > 0) step = std::min(step, left[l] / count[l]);
    }
    for (std::size_t f = 0; f < rate.size(); ++f) rate[f] += rising[f] ? step : 0;
    for (std::size_t f = 0; f < rate.size(); ++f) {
      const auto full = [&](LinkId l) {
        return count[l] > 0 && left[l] - step * count[l] <= 1e-12 * c.bandwidths[l];
      };
      const bool stops = c.caps[f] - rate[f] <= 1e-12 * c.caps[f] ||
                         std::any_of(c.routes[f].begin(), c.routes[f].end(), full);
      if (stops) rising[f] = false;
    }
  }
  return rate;
}

std::vector<double> reference_ends(const Case& c) {
  std::vector<double> left = c.bytes;
  std::vector<double> ends(left.size(), infinity);
  std::vector<bool> alive(left.size(), false);
  std::size_t started = 0;
  for (double now = 0;;) {
    while (started < c.starts.size() && c.starts[started] <= now) alive[started++] = true;
    const std::vector<double> rate = reference_rates(c, alive);
    double next = started < c.starts.size() ? c.starts[started] : infinity;
    for (std::size_t f = 0; f < left.size(); ++f) {
      if (alive[f]) next = std::min(next, now + left[f] / rate[f]);
    }
    if (next == infinity) return ends;
    for (std::size_t f = 0; f < left.size(); ++f) {
      if (!alive[f]) continue;
      left[f] -= rate[f] * (next - now);
      if (left[f] > 1e-12 * c.bytes[f]) continue;
      alive[f] = false;
      ends[f] = next;
    }
    now = next;
  }
}

/// Ends by flow when flows that start at one moment are entered in the given order.
std::vector<double> ends(const Case& c, const NetworkOptions& options,
                         const std::vector<std::size_t>& order) {
  Network network(c.bandwidths, options);
  std::vector<double> out(c.routes.size(), infinity);
  std::vector<std::uint32_t> tags;
  std::size_t started = 0;
  for (double now = 0;;) {
    for (; started < order.size() && c.starts[order[started]] <= now; ++started) {
      const std::size_t f = order[started];
      network.start(now, {c.routes[f], c.caps[f], c.bytes[f], static_cast<std::uint32_t>(f)});
    }
    const double end = network.next_finish(now);
    const double start = started < order.size() ? c.starts[order[started]] : infinity;
    now = std::min(end, start);
    if (now == infinity) return out;
    if (end > now) continue;
    tags.clear();
    network.finish(now, tags);
    for (const std::uint32_t tag : tags) out[tag] = now;
  }
}

std::vector<std::size_t> in_order(const Case& c) {
  std::vector<std::size_t> order(c.routes.size());
  std::iota(order.begin(), order.end(), 0);
  return order;
}

double worst(const std::vector<double>& a, const std::vector<double>& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] / b[i] - 1));
  return most;
}

const NetworkOptions exact{.window = 0, .waiting_share = 0};

}  // namespace

TEST_CASE("finish times equal those of progressive filling over everything") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 1500; ++i) {
    const int links = 1 + static_cast<int>(random() % 8);
    const int flows = 1 + static_cast<int>(random() % 20);
    const Case c = random_case(random, links, flows);
    INFO("case " << i);
    REQUIRE(worst(ends(c, exact, in_order(c)), reference_ends(c)) < 1e-9);
  }
}

TEST_CASE("sparse routes, where most links couple nothing, agree too") {
  std::mt19937_64 random(2);
  for (int i = 0; i < 300; ++i) {
    const Case c = random_case(random, 60, 30);
    INFO("case " << i);
    REQUIRE(worst(ends(c, exact, in_order(c)), reference_ends(c)) < 1e-9);
  }
}

TEST_CASE("the order in which flows of one moment are entered does not matter") {
  std::mt19937_64 random(3);
  for (int i = 0; i < 300; ++i) {
    Case c = random_case(random, 6, 20);
    std::fill(c.starts.begin(), c.starts.end(), 0.0);
    std::vector<std::size_t> order = in_order(c);
    std::shuffle(order.begin(), order.end(), random);
    INFO("case " << i);
    REQUIRE(worst(ends(c, exact, order), ends(c, exact, in_order(c))) < 1e-9);
  }
}

TEST_CASE("groups above the exact size stay close to the exact times") {
  // 400 flows over 20 links, of which up to 25 wait for their exact share.
  std::mt19937_64 random(4);
  const Case c = random_case(random, 20, 400);
  const std::vector<double> close = ends(c, {}, in_order(c));
  const std::vector<double> right = ends(c, exact, in_order(c));
  double off = 0;
  for (std::size_t i = 0; i < close.size(); ++i) off += std::abs(close[i] / right[i] - 1);
  REQUIRE(off / 400 < 0.05);
  REQUIRE(*std::max_element(close.begin(), close.end()) ==
          Approx(*std::max_element(right.begin(), right.end())).epsilon(0.02));
}

namespace {

/// Every rank to every other one through its own two links, sizes uneven by up to `jitter`.
Case all_to_all(std::mt19937_64& random, LinkId ranks, double jitter) {
  std::uniform_real_distribution<double> size(1 - jitter, 1 + jitter);
  Case out;
  out.bandwidths.assign(2 * std::size_t{ranks}, 1.0);
  for (LinkId from = 0; from < ranks; ++from) {
    for (LinkId to = 0; to < ranks; ++to) {
      if (from == to) continue;
      out.routes.push_back({from, ranks + to});
      out.bytes.push_back(size(random));
    }
  }
  out.caps.assign(out.routes.size(), 1.0);
  out.starts.assign(out.routes.size(), 0.0);
  return out;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

TEST_CASE("an uneven all-to-all ends within 0.1 % of the exact times") {
  std::mt19937_64 random(6);
  for (const double jitter : {0.01, 0.05, 0.2}) {
    const Case c = all_to_all(random, 48, jitter);
    const std::vector<double> close = ends(c, {}, in_order(c));
    const std::vector<double> right = ends(c, exact, in_order(c));
    INFO("jitter " << jitter);
    REQUIRE(mean(close) == Approx(mean(right)).epsilon(1e-3));
    REQUIRE(*std::max_element(close.begin(), close.end()) ==
            Approx(*std::max_element(right.begin(), right.end())).epsilon(1e-3));
  }
}

namespace {

/// Ends of an all-to-all in which each rank sends `at_once` flows at a time, to the ranks behind it
/// in turn; a flow starts `gap` after the one whose place it takes has ended.
std::vector<double> ends_in_turn(const Case& c, LinkId ranks, LinkId at_once, double gap,
                                 const NetworkOptions& options) {
  Network network(c.bandwidths, options);
  std::vector<double> out(c.routes.size(), infinity);
  std::vector<LinkId> sent(ranks, 0);
  std::deque<std::pair<double, LinkId>> starts;
  for (LinkId i = 0; i < ranks * at_once; ++i) starts.emplace_back(0, i % ranks);
  std::vector<std::uint32_t> tags;
  for (double now = 0;;) {
    for (; !starts.empty() && starts.front().first <= now; starts.pop_front()) {
      const LinkId from = starts.front().second;
      if (sent[from] == ranks - 1) continue;
      const LinkId f = from * (ranks - 1) + (from + sent[from]++) % (ranks - 1);
      network.start(now, {c.routes[f], c.caps[f], c.bytes[f], f});
    }
    const double end = network.next_finish(now);
    now = std::min(end, starts.empty() ? infinity : starts.front().first);
    if (now == infinity) return out;
    if (end > now) continue;
    tags.clear();
    network.finish(now, tags);
    for (const std::uint32_t f : tags) {
      out[f] = now;
      starts.emplace_back(now + gap, f / (ranks - 1));
    }
  }
}

}  // namespace

TEST_CASE("flows that take the places of others end within 0.5 % of the exact times on average") {
  // Who comes a little later changes who meets whom, so that single cases differ by up to 1 %.
  std::mt19937_64 random(8);
  const LinkId ranks = 40;
  for (const double jitter : {0.05, 0.2}) {
    double close = 0;
    double right = 0;
    for (int i = 0; i < 6; ++i) {
      const Case c = all_to_all(random, ranks, jitter);
      close += mean(ends_in_turn(c, ranks, 8, 0.5, {}));
      right += mean(ends_in_turn(c, ranks, 8, 0.5, exact));
    }
    INFO("jitter " << jitter);
    REQUIRE(close == Approx(right).epsilon(5e-3));
  }
}

TEST_CASE("an even all-to-all ends everywhere at once, at what its links take") {
  std::mt19937_64 random(7);
  const Case c = all_to_all(random, 64, 0);
  const std::vector<double> close = ends(c, {}, in_order(c));
  for (const double end : close) REQUIRE(end == Approx(63).epsilon(1e-12));
}

TEST_CASE("every link carries the bytes of its flows") {
  std::mt19937_64 random(5);
  const Case c = random_case(random, 6, 50);
  Network network(c.bandwidths, {.window = 0, .waiting_share = 0, .record_use = true});
  std::vector<double> expected(c.bandwidths.size(), 0.0);
  for (std::size_t f = 0; f < c.routes.size(); ++f) {
    network.start(0, {c.routes[f], c.caps[f], c.bytes[f], 0});
    for (const LinkId link : c.routes[f]) expected[link] += c.bytes[f];
  }
  std::vector<std::uint32_t> tags;
  for (double now = 0; (now = network.next_finish(now)) < infinity;) network.finish(now, tags);
  // The area under the recorded rates is the same number of bytes.
  std::vector<double> area(expected.size(), 0.0);
  std::vector<LinkUse> last(expected.size());
  for (const LinkUse& use : network.use()) {
    area[use.link] += last[use.link].bytes_per_s * (use.at_s - last[use.link].at_s);
    REQUIRE(use.bytes_per_s <= c.bandwidths[use.link] * (1 + 1e-9));
    last[use.link] = use;
  }
  REQUIRE(worst(network.carried_bytes(), expected) < 1e-12);
  REQUIRE(worst(area, expected) < 1e-9);
}
