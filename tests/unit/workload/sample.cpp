#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "hsap/trace.hpp"

using namespace hsap;

namespace {

/// FNV-1a over lengths and batch borders, to pin a whole sample to one number.
std::uint64_t checksum(const std::vector<Batch>& batches) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  const auto add = [&hash](std::int64_t value) {
    for (int byte = 0; byte < 8; ++byte) {
      hash = (hash ^ static_cast<std::uint64_t>((value >> (8 * byte)) & 0xff)) * 0x100000001b3U;
    }
  };
  for (const Batch& batch : batches) {
    for (const Token length : batch.lengths) add(length);
    add(-1);
  }
  return hash;
}

std::vector<Batch> draw(const Trace& trace, Token context, int batches, std::uint64_t seed,
                        Packing packing = Packing::sequential) {
  const Result<std::vector<Batch>> drawn = sample(trace, {context, batches, seed, packing});
  REQUIRE(drawn);
  REQUIRE(drawn->size() == static_cast<std::size_t>(batches));
  for (const Batch& batch : *drawn) REQUIRE(check(batch));
  return *drawn;
}

Trace list(std::vector<Token> lengths) {
  Trace trace;
  trace.name = "list";
  trace.lengths = std::move(lengths);
  return trace;
}

Trace histogram(std::vector<Trace::Bin> bins) {
  Trace trace;
  trace.name = "histogram";
  trace.bins = std::move(bins);
  return trace;
}

}  // namespace

TEST_CASE("a seed gives the same batches on every machine") {
  CHECK(checksum(draw(*load_trace("wlb-llm"), 256 << 10, 8, 1)) == 11789030952377804397U);
  CHECK(checksum(draw(*load_trace("wikipedia"), 64 << 10, 4, 1)) == 18263735709805589059U);
  CHECK(checksum(draw(*load_trace("prolong"), 32 << 10, 8, 7, Packing::best_fit)) ==
        3254054259482584715U);
}

TEST_CASE("seeds give different batches") {
  const Trace trace = *load_trace("magi");
  CHECK(draw(trace, 65536, 2, 1) == draw(trace, 65536, 2, 1));
  CHECK(draw(trace, 65536, 2, 1) != draw(trace, 65536, 2, 2));
}

TEST_CASE("more batches go on where fewer stopped") {
  const Trace trace = *load_trace("wlb-llm");
  const std::vector<Batch> two = draw(trace, 65536, 2, 3);
  const std::vector<Batch> five = draw(trace, 65536, 5, 3);
  CHECK(std::equal(two.begin(), two.end(), five.begin()));
}

TEST_CASE("sequential batches are full") {
  for (const Batch& batch : draw(*load_trace("wikipedia"), 8192, 20, 5)) {
    CHECK(batch.tokens() == 8192);
  }
}

TEST_CASE("a list is used up before a document comes again") {
  std::vector<Token> lengths(100);
  std::iota(lengths.begin(), lengths.end(), 1);  // 5050 tokens
  const Trace trace = list(lengths);
  std::vector<Token> both;
  for (const Batch& batch : draw(trace, 10100, 1, 4)) {
    both.insert(both.end(), batch.lengths.begin(), batch.lengths.end());
  }
  REQUIRE(both.size() == 200);
  std::vector<Token> first(both.begin(), both.begin() + 100);
  std::vector<Token> second(both.begin() + 100, both.end());
  CHECK(first != second);
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  CHECK(first == lengths);
  CHECK(second == lengths);
}

TEST_CASE("a histogram is drawn by count, and log-uniformly inside a bin") {
  const Trace trace = histogram({{10, 10, 1}, {100, 400, 3}});
  double documents = 0, single = 0, low_half = 0;
  for (const Batch& batch : draw(trace, 1 << 20, 4, 6)) {
    for (std::size_t i = 0; i + 1 < batch.lengths.size(); ++i) {  // the last one may be cut
      const Token length = batch.lengths[i];
      REQUIRE((i == 0 || length == 10 || (length >= 100 && length <= 400)));
      ++documents;
      single += length == 10 ? 1 : 0;
      low_half += length >= 100 && length < 200 ? 1 : 0;
    }
  }
  // About 25000 documents: a quarter in the first bin; of the rest half below the geometric
  // mean, 200. Three standard deviations are 0.8 %.
  CHECK(single / documents == Approx(0.25).margin(0.01));
  CHECK(low_half / (documents - single) == Approx(0.5).margin(0.012));
}

TEST_CASE("the shape of a shipped histogram survives sampling") {
  std::int64_t tokens = 0, documents = 0;
  for (const Batch& batch : draw(*load_trace("wikipedia"), 1 << 24, 1, 2)) {
    tokens += batch.tokens();
    documents += static_cast<std::int64_t>(batch.documents());
  }
  // The source's mean is 1013.65; with its heavy tail a sample of 16000 strays by some percent.
  CHECK(static_cast<double>(tokens) / static_cast<double>(documents) ==
        Approx(1013.65).epsilon(0.1));
}

TEST_CASE("a document longer than the context is cut, or left out by best fit") {
  const Trace trace = list({5, 30});
  bool cut = false;
  for (const Batch& batch : draw(trace, 10, 20, 1)) {
    CHECK(batch.tokens() == 10);
    cut = cut || batch.lengths == std::vector<Token>{10};
  }
  CHECK(cut);
  for (const Batch& batch : draw(trace, 10, 20, 1, Packing::best_fit)) {
    CHECK(batch.lengths == std::vector<Token>{5, 5});
  }
}

TEST_CASE("a document far longer than all batches is cut no further than they need") {
  const std::vector<Batch> batches = draw(list({max_tokens}), 1, 3, 1);
  CHECK(batches == std::vector<Batch>(3, Batch{{1}}));
}

TEST_CASE("batches of best fit are no longer than those of all documents") {
  // One document a batch: of those drawn to fill 64 batches any, not the longest.
  const Trace trace = histogram({{5001, 10000, 1}});
  double tokens = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    for (const Batch& batch : draw(trace, 10000, 64, seed, Packing::best_fit)) {
      CHECK(batch.documents() == 1);
      tokens += batch.tokens() / (50 * 64.0);
    }
  }
  // The mean of 1 / x from 5,001 to 10,000.
  CHECK(tokens == Approx(4999 / std::log(10000.0 / 5001)).epsilon(0.01));
}

TEST_CASE("a trace of which nothing fits is refused, not searched for ever") {
  const Result<std::vector<Batch>> from_list =
      sample(list({30, 40}), {10, 1, 1, Packing::best_fit});
  REQUIRE_FALSE(from_list);
  CHECK(from_list.error().message == "hardly a document of the trace fits the context");
  CHECK_FALSE(sample(histogram({{11, 20, 1}}), {10, 1, 1, Packing::best_fit}));
  CHECK_FALSE(
      sample(histogram({{1, 1, 1e-12}, {1 << 29, 1 << 30, 1}}), {10, 1, 1, Packing::best_fit}));
}

TEST_CASE("impossible requests are refused") {
  const Trace trace = list({5});
  CHECK_FALSE(sample(trace, {0, 1, 1, Packing::sequential}));
  CHECK_FALSE(sample(trace, {-5, 1, 1, Packing::best_fit}));
  CHECK_FALSE(sample(trace, {max_tokens + 1, 1, 1, Packing::sequential}));
  CHECK_FALSE(sample(trace, {10, 0, 1, Packing::sequential}));
  CHECK_FALSE(sample(trace, {10, (1 << 20) + 1, 1, Packing::sequential}));
  CHECK_FALSE(sample(Trace{}, {10, 1, 1, Packing::sequential}));
  // 2^50 tokens in documents of 5 would never end.
  const Result<std::vector<Batch>> endless =
      sample(trace, {max_tokens, 1 << 20, 1, Packing::sequential});
  REQUIRE_FALSE(endless);
  CHECK(endless.error().message == "too many documents to draw");
}
