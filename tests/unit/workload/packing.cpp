#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <numeric>
#include <random>
#include <set>

#include "hsap/batch.hpp"

using namespace hsap;

namespace {

std::vector<Token> random_lengths(std::mt19937& random, int documents, Token longest) {
  std::vector<Token> lengths(static_cast<std::size_t>(documents));
  for (Token& length : lengths) {
    length = 1 + static_cast<Token>(random() % static_cast<unsigned>(longest));
  }
  return lengths;
}

std::int64_t sum(const std::vector<Token>& lengths) {
  return std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
}

}  // namespace

TEST_CASE("sequential packing cuts at the context and goes on in the next batch") {
  const std::vector<Token> lengths{3, 4, 9, 1};
  const std::vector<Batch> batches = *pack(lengths, 5, Packing::sequential);
  // 3 2 | 2 3 | 5 | 1 1: the last is not full and dropped.
  CHECK(batches == std::vector<Batch>{{{3, 2}}, {{2, 3}}, {{5}}});
}

TEST_CASE("sequential packing keeps order and tokens") {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const std::vector<Token> lengths = random_lengths(random, 30, 40);
    const Token context = 1 + static_cast<Token>(random() % 60);
    const std::vector<Batch> batches = *pack(lengths, context, Packing::sequential);
    REQUIRE(static_cast<std::int64_t>(batches.size()) == sum(lengths) / context);
    // Document borders of the packed stream: those of the documents and of the batches.
    std::set<std::int64_t> borders;
    std::int64_t at = 0;
    for (const Token length : lengths) borders.insert(at += length);
    const std::int64_t end = std::int64_t{context} * static_cast<std::int64_t>(batches.size());
    for (std::int64_t border = context; border <= end; border += context) borders.insert(border);
    borders.erase(borders.upper_bound(end), borders.end());
    std::set<std::int64_t> packed;
    at = 0;
    for (const Batch& batch : batches) {
      REQUIRE(batch.tokens() == context);
      for (const Token length : batch.lengths) packed.insert(at += length);
    }
    REQUIRE(packed == borders);
  }
}

TEST_CASE("best fit puts each document into the fullest batch with room") {
  const std::vector<Token> lengths{2, 6, 4, 5, 3};
  // 6 | 5 | 4 fits neither batch of 8... 6 leaves 2, 5 leaves 3, 4 opens, 3 goes to 5, 2 to 6.
  CHECK(*pack(lengths, 8, Packing::best_fit) == std::vector<Batch>{{{6, 2}}, {{5, 3}}, {{4}}});
}

TEST_CASE("best fit keeps every document whole, and no two batches could be one") {
  std::mt19937 random(2);
  for (int round = 0; round < 200; ++round) {
    const std::vector<Token> lengths = random_lengths(random, 40, 50);
    const Token context = 50 + static_cast<Token>(random() % 100);
    const std::vector<Batch> batches = *pack(lengths, context, Packing::best_fit);
    std::vector<Token> packed;
    for (const Batch& batch : batches) {
      REQUIRE(batch.tokens() <= context);
      REQUIRE(std::is_sorted(batch.lengths.rbegin(), batch.lengths.rend()));
      packed.insert(packed.end(), batch.lengths.begin(), batch.lengths.end());
    }
    std::vector<Token> expected = lengths;
    std::sort(expected.begin(), expected.end());
    std::sort(packed.begin(), packed.end());
    REQUIRE(packed == expected);
    // A batch is opened only for a document that no older batch had room for.
    for (std::size_t b = 1; b < batches.size(); ++b) {
      for (std::size_t a = 0; a < b; ++a) {
        REQUIRE(batches[a].tokens() + batches[b].lengths.front() > context);
      }
    }
  }
}

TEST_CASE("packing refuses what it cannot pack") {
  const std::vector<Token> lengths{4, 9};
  const auto error = [&](Token context, Packing packing) {
    const Result<std::vector<Batch>> batches = pack(lengths, context, packing);
    REQUIRE_FALSE(batches);
    return batches.error();
  };
  CHECK(error(0, Packing::sequential).message == "bad context");
  CHECK(error(-1, Packing::best_fit).message == "bad context");
  CHECK(error(max_tokens + 1, Packing::sequential).message == "bad context");
  const Error longer = error(8, Packing::best_fit);
  CHECK(longer.message == "document 1 is longer than the context");
  CHECK(longer.found == "9 tokens");
  CHECK_FALSE(pack(std::vector<Token>{1, 0}, 8, Packing::sequential));
  CHECK(pack(std::vector<Token>{}, 8, Packing::best_fit)->empty());
}
