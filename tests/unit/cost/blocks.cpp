#include "cost/blocks.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "hsap/batch.hpp"
#include "hsap/cost.hpp"

using namespace hsap;

namespace {

AttentionKernel tiles_of_128() {
  AttentionKernel kernel;
  kernel.flop_per_s = 1;
  return kernel;
}

Slice slice(const Interval& query, const Interval& key, SliceKind kind) {
  return {query, key, kind};
}

std::vector<Blocks> blocks(const std::vector<Slice>& slices, Pass pass, int heads = 1) {
  return blocks_of(slices, heads, pass, tiles_of_128());
}

void check(const Blocks& blocks, double count, double tiles, double longest, double shortest) {
  CHECK(blocks.count == count);
  CHECK(blocks.tiles == tiles);
  CHECK(blocks.longest == longest);
  CHECK(blocks.shortest == shortest);
}

std::vector<Slice> of_documents(const std::string& mask, Token tokens, std::size_t documents) {
  return lower(parse_mask(mask).value(), Batch{std::vector<Token>(documents, tokens)});
}

}  // namespace

TEST_CASE("A slice that shares no row has blocks of its own, whatever it touches") {
  const std::vector<Slice> two{slice(make_interval(0, 1000), make_interval(0, 1000), {}),
                               slice(make_interval(1000, 1256), make_interval(1000, 1256), {})};
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    const std::vector<Blocks> found = blocks(two, pass, 3);
    REQUIRE(found.size() == 2);
    check(found[0], 3 * 8, 3 * 64, 8, 8);
    check(found[1], 3 * 2, 3 * 4, 2, 2);
    CHECK(found[0].of_head == 8);
  }
  CHECK(blocks({}, Pass::forward).empty());
}

TEST_CASE("Two chunks of a zigzag shard have the blocks of one causal kernel") {
  // Forward the second chunk's queries see both chunks' keys; backward the first chunk's keys are
  // seen by both chunks' queries. 10 blocks walk 1 to 10 tiles, 10 walk 11 to 20.
  const Interval early = make_interval(1280, 2560);
  const Interval late = make_interval(7680, 8960);
  const std::vector<Slice> local{slice(early, early, SliceKind::causal),
                                 slice(late, early, SliceKind::full),
                                 slice(late, late, SliceKind::causal)};
  const std::vector<Blocks> forward = blocks(local, Pass::forward);
  REQUIRE(forward.size() == 2);
  check(forward[0], 10, 55, 10, 1);
  check(forward[1], 10, 155, 20, 11);
  const std::vector<Blocks> backward = blocks(local, Pass::backward);
  REQUIRE(backward.size() == 2);
  check(backward[0], 10, 155, 20, 11);
  check(backward[1], 10, 55, 10, 1);
}

TEST_CASE("A window's keys are walked once, by the queries of both its slices") {
  // 256 keys see a triangle's queries and, but for the first, those of a band below it: 11 blocks
  // over 1,281 keys, of which the last one has a single key.
  const std::vector<Slice> window = of_documents("sliding:256", 1280, 1);
  REQUIRE(window.size() == 2);
  const std::vector<Blocks> found = blocks(window, Pass::backward);
  REQUIRE(found.size() == 1);
  CHECK(found[0].count == 10);
  CHECK(found[0].longest <= 5);
  CHECK(found[0].shortest == 1);
}

TEST_CASE("Rows of a striped shard are its own") {
  const auto stripe = [](Token first, Token end) { return make_interval(first, end, 4); };
  const Interval queries = stripe(1, 4096);
  const std::vector<Slice> gathered{slice(queries, stripe(0, 4096), SliceKind::causal),
                                    slice(queries, stripe(1, 4096), SliceKind::causal),
                                    slice(queries, stripe(2, 4096), SliceKind::causal)};
  const std::vector<Blocks> forward = blocks(gathered, Pass::forward);
  REQUIRE(forward.size() == 1);
  check(forward[0], 8, 3 * 36, 24, 3);
  CHECK(blocks(gathered, Pass::backward).size() == 3);
}

TEST_CASE("Very many slices on the same rows are looked at in bounded time") {
  const std::vector<Slice> shared = of_documents("shared_question:1000:30000", 61000, 1);
  const std::vector<Blocks> found = blocks(shared, Pass::backward);
  REQUIRE(found.size() == 1 + 30000);
  // The question's keys are seen by itself, causally, and by 60,000 queries of answers at once.
  check(found.front(), 8, 36 + 8 * 469.0, 8 + 469, 1 + 469);
  check(found.back(), 1, 1, 1, 1);

  std::vector<Slice> shifted;  // a tile more each, so that every one brings rows of its own to see
  for (Token i = 0; i < 4000; ++i) {
    shifted.push_back(slice(make_interval(0, 128), make_interval(i, 4000000), SliceKind::full));
  }
  const std::vector<Blocks> one = blocks(shifted, Pass::backward);
  REQUIRE(one.size() == 1);
  CHECK(one.front().shortest == 1);
  CHECK(one.front().longest == 4000);
}

TEST_CASE("A window costs no more than all that it is cut from") {
  const Device device = load_cluster("dgx-h100")->device;
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    for (const std::size_t documents : {1, 16}) {
      const auto seconds = [&](const std::string& mask) {
        return attention_seconds(of_documents(mask, 1280, documents), 8, 128, pass, device);
      };
      CHECK(seconds("sliding:1024") <= 1.02 * seconds("causal"));
      CHECK(seconds("sliding:256") <= seconds("sliding:1024"));
    }
  }
}

TEST_CASE("A short document beside long ones makes no kernel faster") {
  const Device device = load_cluster("dgx-h100")->device;
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    for (const int heads : {1, 8, 32}) {
      std::vector<Slice> slices;
      double before = 0;
      Token at = 0;
      for (const Token tokens : {1280, 1280, 640, 16, 1, 300, 2000, 5}) {
        const Interval document = make_interval(at, at + tokens);
        slices.push_back(slice(document, document, SliceKind::full));
        at += tokens;
        const double now = attention_seconds(slices, heads, 128, pass, device);
        INFO(heads << " heads, " << tokens << " tokens more");
        CHECK(now >= before * (1 - 1e-12));
        before = now;
      }
    }
  }
}
