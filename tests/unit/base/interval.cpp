#include "hsap/interval.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <set>

using namespace hsap;

namespace {

std::set<Token> tokens_of(const Interval& interval) {
  std::set<Token> tokens;
  for (Token t = interval.begin; t < interval.end; t += interval.stride) tokens.insert(t);
  return tokens;
}

/// The tokens of a list, in list order.
std::vector<Token> sequence_of(const Intervals& list) {
  std::vector<Token> tokens;
  for (const Interval& interval : list) {
    for (Token row = 0; row < interval.size(); ++row) tokens.push_back(interval.at(row));
  }
  return tokens;
}

bool canonical(const Interval& interval) {
  if (interval.size() < 2) return interval.stride == 1 && interval.end - interval.begin <= 1;
  return interval.at(interval.size() - 1) + 1 == interval.end;
}

class Draws {
 public:
  explicit Draws(unsigned seed) : random_(seed) {}
  Token operator()(Token low, Token high) {
    return low + static_cast<Token>(random_() % static_cast<unsigned>(high - low + 1));
  }
  Interval interval(Token stride) {
    const Token begin = (*this)(0, 30);
    return make_interval(begin, (*this)(begin, 40), stride);
  }

 private:
  std::mt19937 random_;
};

}  // namespace

TEST_CASE("equal sets of tokens are equal intervals") {
  CHECK(make_interval(3, 10, 4) == make_interval(3, 8, 4));  // 3 and 7
  CHECK(make_interval(3, 6, 4) == make_interval(3, 4));      // 3 alone
  CHECK(make_interval(5, 5).empty());
  CHECK(make_interval(7, 2).size() == 0);
  const Token most = Token{1} << 30;
  CHECK(make_interval(0, most).size() == most);
  CHECK(make_interval(most - 1, most, most).size() == 1);
}

TEST_CASE("intersection and membership agree with sets") {
  Draws draw(11);
  for (int round = 0; round < 5000; ++round) {
    const Token stride = draw(1, 5);
    const bool other_dense = draw(0, 1) == 0;
    const Interval a = draw.interval(stride);
    const Interval b = draw.interval(other_dense ? 1 : stride);
    const std::set<Token> left = tokens_of(a), right = tokens_of(b);
    std::set<Token> both;
    std::set_intersection(left.begin(), left.end(), right.begin(), right.end(),
                          std::inserter(both, both.end()));
    const Interval found = intersect(a, b);
    INFO("round " << round);
    REQUIRE(tokens_of(found) == both);
    REQUIRE(canonical(found));
    REQUIRE(tokens_of(intersect(b, a)) == both);
    for (Token t = 0; t < 42; ++t) REQUIRE(a.contains(t) == (left.count(t) > 0));
  }
}

TEST_CASE("rows of an interval and of a list are rows of the token sequence") {
  Draws draw(12);
  for (int round = 0; round < 2000; ++round) {
    Intervals list;
    Token begin = 0;
    for (Token i = draw(0, 4); i > 0; --i) {
      begin += draw(0, 5);
      list.push_back(make_interval(begin, begin + draw(0, 12), draw(1, 3)));
      begin = std::max(begin, list.back().end);
    }
    const std::vector<Token> all = sequence_of(list);
    REQUIRE(tokens_in(list) == static_cast<std::int64_t>(all.size()));
    const std::int64_t first = draw(0, static_cast<Token>(all.size()));
    const std::int64_t last = draw(static_cast<Token>(first), static_cast<Token>(all.size()));
    const Intervals rows = rows_of(list, first, last);
    REQUIRE(sequence_of(rows) == std::vector<Token>(all.begin() + first, all.begin() + last));
    for (const Interval& interval : rows) REQUIRE((canonical(interval) && !interval.empty()));
  }
}

TEST_CASE("normalising keeps the tokens, sorts them and joins neighbours") {
  Draws draw(13);
  for (int round = 0; round < 2000; ++round) {
    Intervals list;
    std::set<Token> all;
    for (Token begin = 0; begin < 60; begin += draw(1, 9)) {
      const Interval next = make_interval(begin, begin + draw(0, 9), 1);
      begin = std::max(begin, next.end);
      list.push_back(next);
      all.merge(tokens_of(next));
    }
    std::shuffle(list.begin(), list.end(), std::mt19937(static_cast<unsigned>(round)));
    normalise(list);
    REQUIRE(sequence_of(list) == std::vector<Token>(all.begin(), all.end()));
    for (std::size_t i = 1; i < list.size(); ++i) REQUIRE(list[i - 1].end < list[i].begin);
  }
}

TEST_CASE("strided neighbours join when they continue each other") {
  Intervals list{make_interval(9, 18, 4), make_interval(1, 6, 4)};  // 9 13 17 and 1 5
  normalise(list);
  CHECK(list == Intervals{make_interval(1, 18, 4)});
  Intervals apart{make_interval(1, 6, 4), make_interval(10, 19, 4)};
  normalise(apart);
  CHECK(apart.size() == 2);
}
