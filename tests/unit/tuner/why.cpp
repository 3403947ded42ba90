#include "tuner/why.hpp"

#include <catch2/catch.hpp>

using namespace hsap;

namespace {

Candidate make(const Strategy& strategy, double seconds, double exposed, std::int64_t sent,
               std::int64_t peak) {
  Candidate candidate;
  candidate.strategy = strategy;
  candidate.outcome = Outcome::feasible;
  candidate.seconds = seconds;
  candidate.tokens_per_s = 1000 / seconds;
  candidate.peak_bytes = peak;
  candidate.figures.emplace();
  candidate.figures->attention.forward_s = 1;
  candidate.figures->attention.backward_s = 1;
  candidate.figures->attention.exposed_communication_s = exposed;
  candidate.figures->attention.bytes_sent = sent;
  candidate.figures->bound.total_s = 1;
  candidate.figures->limit = "compute";
  return candidate;
}

Search two_methods() {
  Search search;
  search.whole_step = true;
  search.memory_limit_bytes = 80000000000;
  search.candidates = {
      make({2, 4, Order::ulysses_inner, Layout::balanced, Exchange::p2p}, 2, 0.1, 1000, 5000),
      make({2, 4, Order::ulysses_inner, Layout::zigzag, Exchange::ring}, 3, 1.0, 9000, 5000)};
  search.best = 0;
  return search;
}

}  // namespace

TEST_CASE("reasons say by how much and in what the rivals differ") {
  const Search search = two_methods();
  const std::vector<std::size_t> methods{0, 1};
  const std::vector<std::string> why = reasons(search, methods);
  REQUIRE(why.size() == 2);
  CHECK(why[0] ==
        "U2 C4 ulysses-inner balanced p2p: 2.000 s a step, 500 tokens/s; attention takes 2.00 "
        "times its bound; limited by compute");
  // 3 s against 2 s: half as long again. Memory is equal, so it is not mentioned.
  CHECK(why[1] ==
        "best ring (U2 C4 ulysses-inner zigzag ring) takes 50.0 % longer a token: sends 9.0 KB a "
        "layer against 1.0 KB, exposed communication 50 % of attention against 5 %");
}

TEST_CASE("who waits for others or for the host is named where that matters") {
  Search search = two_methods();
  const auto wait = [&](std::size_t index, double share, double for_host = 0) {
    search.candidates[index].figures->step = StepTimes{2,
                                                       500,
                                                       0.5,
                                                       {{"linear", 2 - 2 * (share + for_host)},
                                                        {waiting_for_host, 2 * for_host},
                                                        {waiting_for_replicas, 2 * share}}};
  };
  wait(0, 0.04);
  wait(1, 0.05, 0.01);
  const std::vector<std::size_t> methods{0, 1};
  for (const std::string& reason : reasons(search, methods)) {
    CHECK(reason.find("wait") == std::string::npos);
  }
  wait(0, 0.25);
  CHECK(reasons(search, methods)[0].find("; replicas wait 25 % of the step for the slowest; ") !=
        std::string::npos);
  CHECK(reasons(search, methods)[1].ends_with(
      ", replicas wait 5 % of a step for the slowest against 25 %"));
  wait(0, 0, 0.1);
  wait(1, 0, 0.5);
  CHECK(reasons(search, methods)[0].find("; GPUs wait 10 % of the step for the host; ") !=
        std::string::npos);
  CHECK(reasons(search, methods)[1].ends_with(
      ", GPUs wait 50 % of a step for the host against 10 %"));
}

TEST_CASE("group sizes that do not fit are named with what they need") {
  Search search = two_methods();
  Candidate large = make({1, 1}, 1, 0, 0, 120000000000);
  large.outcome = Outcome::out_of_memory;
  search.candidates.push_back(large);
  large.strategy.ulysses = 2;
  large.peak_bytes = 100000000000;
  search.candidates.push_back(large);
  Candidate variant = search.candidates[1];  // one of the sizes that fit
  variant.outcome = Outcome::out_of_memory;
  search.candidates.push_back(variant);
  const std::vector<std::string> why = reasons(search, std::vector<std::size_t>{0});
  REQUIRE(why.size() == 2);
  CHECK(why[1] == "groups of 1, 2 do not fit: a rank needs at least 100.00 GB of 80.00 GB");
}

TEST_CASE(
    "reasons of one kind are counted together, most frequent first, the nearest to fit told") {
  Search search;
  for (int i = 0; i < 5; ++i) {
    Candidate candidate;
    candidate.reason = i < 2 ? "8 heads do not cover 16 ranks"
                             : "needs " + std::to_string(90 - i) + ".5 GB of 75.2 GB";
    candidate.outcome = i < 2 ? Outcome::illegal : Outcome::out_of_memory;
    candidate.peak_bytes = i < 2 ? 0 : 90 - i;
    candidate.strategy.stages = i;
    search.candidates.push_back(candidate);
  }
  const std::vector<std::string> found = frequent_reasons(search, 5);
  REQUIRE(found.size() == 2);
  CHECK(found[0] ==
        "3 strategies, such as " + to_string(Strategy{.stages = 4}) + ": needs 86.5 GB of 75.2 GB");
  CHECK(found[1] ==
        "2 strategies, such as " + to_string(Strategy{}) + ": 8 heads do not cover 16 ranks");
  CHECK(frequent_reasons(search, 1).size() == 1);
  CHECK(reasons(search, {}) == found);
  // However many were not wanted, what the others lack comes first.
  Candidate unwanted;
  unwanted.outcome = Outcome::unwanted;
  unwanted.reason = "not a ring";
  search.candidates.insert(search.candidates.end(), 9, unwanted);
  CHECK(frequent_reasons(search, 2) == found);
  CHECK(frequent_reasons(search, 3).back() ==
        "9 strategies, such as " + to_string(Strategy{}) + ": not a ring");
}
