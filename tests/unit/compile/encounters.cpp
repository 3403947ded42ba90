#include "compile/encounters.hpp"

#include <catch2/catch.hpp>

#include "support/random_problem.hpp"

namespace hsap {
namespace {

bool holds(const Intervals& list, Token token) {
  return std::any_of(list.begin(), list.end(),
                     [&](const Interval& interval) { return interval.contains(token); });
}

int times_attended(std::span<const Slice> slices, Token query, Token key) {
  return static_cast<int>(std::count_if(slices.begin(), slices.end(), [&](const Slice& slice) {
    return attends(slice, query, key);
  }));
}

TEST_CASE("a row holds the mask of its queries, each pair once and with the shard of its key") {
  support::Random random(3);
  for (int round = 0; round < 60; ++round) {
    Problem problem = support::random_problem(random);
    problem.batch.lengths.resize(std::min<std::size_t>(problem.batch.lengths.size(), 4));
    const int count = random.between(1, 5);
    const auto layout = static_cast<Layout>(random.between(0, 4));
    INFO(to_string(layout) << " over " << count << " of "
                           << support::describe(problem, Strategy{}));
    const std::vector<Intervals> shards = shard_tokens(layout, problem, count);
    const std::vector<Slice> mask = lower(problem.mask, problem.batch);
    const Encounters encounters(mask, shards);
    const int c = random.between(0, count - 1);
    const Encounters::Row row = encounters.row(c);
    int wrong = 0;
    for (int sample = 0; sample < 4000; ++sample) {
      const Token query = random.between(0, problem.batch.tokens() - 1);
      const Token key = random.between(0, problem.batch.tokens() - 1);
      const bool mine = holds(shards[static_cast<std::size_t>(c)], query);
      const int expected = mine ? times_attended(mask, query, key) : 0;
      for (int k = 0; k < count; ++k) {
        const bool there = holds(shards[static_cast<std::size_t>(k)], key);
        if (times_attended(row.with(k), query, key) != (there ? expected : 0)) ++wrong;
      }
      const bool dense = layout != Layout::striped;
      if (dense && times_attended(encounters.whole_row(c), query, key) != expected) ++wrong;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("the area of all rows is the area of the mask") {
  support::Random random(4);
  for (int round = 0; round < 200; ++round) {
    const Problem problem = support::random_problem(random);
    const int count = random.between(1, 16);
    const auto layout = static_cast<Layout>(random.between(0, 4));
    const std::vector<Intervals> shards = shard_tokens(layout, problem, count);
    const Encounters encounters(lower(problem.mask, problem.batch), shards);
    std::int64_t sum = 0;
    for (int c = 0; c < count; ++c) {
      for (const Slice& slice : encounters.row(c).slices) sum += area(slice);
    }
    CHECK(sum == area(problem.mask, problem.batch));
  }
}

TEST_CASE("uniting joins overlaps and neighbours, dense or with the stride of a shard") {
  Intervals dense{{8, 12, 1}, {0, 4, 1}, {4, 6, 1}, {9, 10, 1}};
  unite(dense, 1);
  CHECK(dense == Intervals{{0, 6, 1}, {8, 12, 1}});
  // Every third token from 1 on: 1 4 7, 7 10, 16.
  Intervals strided{{7, 11, 3}, {16, 17, 1}, {1, 8, 3}};
  unite(strided, 3);
  CHECK(strided == Intervals{{1, 11, 3}, {16, 17, 1}});
}

}  // namespace
}  // namespace hsap
