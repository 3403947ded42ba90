#include <catch2/catch.hpp>
#include <cstdio>

#include "hsap/verify.hpp"
#include "support/random_problem.hpp"

namespace hsap {
namespace {

using support::Random;

/// How often each (query, key) of one head is attended, counted pair by pair.
std::vector<int> count_pairs(const Schedule& schedule, int head) {
  const auto tokens = static_cast<std::size_t>(schedule.tokens);
  std::vector<int> count(tokens * tokens, 0);
  for (const Operation& op : schedule.operations) {
    if (op.kind != Kind::attend && op.kind != Kind::attend_backward) continue;
    if (head < op.heads.begin || head >= op.heads.end) continue;
    for (const Slice& slice : schedule.slices_of(op)) {
      for (Token row = 0; row < slice.query.size(); ++row) {
        for (Token column = 0; column < slice.key.size(); ++column) {
          const Token query = slice.query.at(row), key = slice.key.at(column);
          const auto cell =
              static_cast<std::size_t>(query) * tokens + static_cast<std::size_t>(key);
          count[cell] += attends(slice, query, key) ? 1 : 0;
        }
      }
    }
  }
  return count;
}

std::vector<int> wanted_pairs(const Problem& problem, Token tokens) {
  Schedule alone;
  alone.tokens = tokens;
  alone.slices = lower(problem.mask, problem.batch);
  Operation all;
  all.kind = Kind::attend;
  all.heads = {0, 1};
  all.payload = {0, static_cast<Index>(alone.slices.size())};
  alone.operations.push_back(all);
  return count_pairs(alone, 0);
}

/// Moves one border of one slice by a row, or makes it another kind.
void nudge_slice(Schedule& schedule, Random& random) {
  Slice& slice = schedule.slices[static_cast<std::size_t>(
      random.between(0, static_cast<int>(schedule.slices.size()) - 1))];
  Interval& side = random.once_in(2) ? slice.query : slice.key;
  switch (random.between(0, 4)) {
    case 0:
      side = rows_of(side, 1, side.size());
      return;
    case 1:
      side = rows_of(side, 0, side.size() - 1);
      return;
    case 2:
      side = make_interval(side.begin, side.end + side.stride, side.stride);
      return;
    case 3:
      side = make_interval(side.begin - side.stride, side.end, side.stride);
      return;
    default:
      slice.kind = static_cast<SliceKind>(random.between(0, 3));
  }
}

/// "head 3: query 17 of document ... key 12": the numbers of a finding.
struct Named {
  int head = -1;
  Token query = -1;
  Token key = -1;
};

Named named_in(const std::string& message) {
  Named named;
  int document = 0;
  const int found = std::sscanf(message.c_str(), "head %d: query %d of document %d and key %d",
                                &named.head, &named.query, &document, &named.key);
  REQUIRE(found == 4);
  return named;
}

TEST_CASE("the verifier and a count of all pairs agree on nudged slices") {
  Random random(77);
  int right = 0, wrong = 0;
  for (int round = 0; round < 1500; ++round) {
    Problem problem = support::random_problem(random);
    problem.batch.lengths.resize(std::min<std::size_t>(problem.batch.lengths.size(), 3));
    for (Token& length : problem.batch.lengths) length = std::min<Token>(length, 20) + 4;
    const Strategy strategy = support::random_strategy(random, problem, 3);
    auto compiled = compile(problem, strategy, random.once_in(2) ? Pass::forward : Pass::backward);
    REQUIRE(compiled);
    if (compiled->slices.empty()) continue;
    nudge_slice(*compiled, random);
    const auto finding = verify(*compiled, problem);
    if (finding && finding->flaw < Flaw::wrong_pairs) continue;
    INFO(support::describe(problem, strategy));
    INFO((finding ? finding->text() : "no finding"));
    const std::vector<int> wanted = wanted_pairs(problem, compiled->tokens);
    if (finding && finding->flaw == Flaw::wrong_pairs) {
      const Named named = named_in(finding->message);
      const auto cell =
          static_cast<std::size_t>(named.query) * static_cast<std::size_t>(compiled->tokens) +
          static_cast<std::size_t>(named.key);
      CHECK(count_pairs(*compiled, named.head)[cell] != wanted[cell]);
      ++wrong;
    } else {
      for (int head = 0; head < problem.heads.query; ++head) {
        REQUIRE(count_pairs(*compiled, head) == wanted);
      }
      ++right;
    }
  }
  // Some nudges change no pair: a slice of one row is the same in every kind.
  CHECK(right > 50);
  CHECK(wrong > 200);
}

}  // namespace
}  // namespace hsap
