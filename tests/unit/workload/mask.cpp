#include "hsap/mask.hpp"

#include <catch2/catch.hpp>

using namespace hsap;

TEST_CASE("masks read back as they print") {
  const auto text = GENERATE(as<std::string>(), "causal", "full", "sliding:1", "sliding:4096",
                             "prefix:0", "prefix:1000", "shared_question:512:4");
  const Result<Mask> mask = parse_mask(text);
  REQUIRE(mask);
  CHECK(to_string(*mask) == text);
  CHECK(*parse_mask(to_string(*mask)) == *mask);
}

TEST_CASE("sizes in masks take suffixes") {
  CHECK(parse_mask("sliding:4K")->window == 4096);
  CHECK(parse_mask("prefix:1M")->prefix == 1 << 20);
}

TEST_CASE("anything else is no mask") {
  const auto text = GENERATE(as<std::string>(), "", "Causal", "causal:1", "sliding",
                             "sliding:", "sliding:0", "sliding:-1", "sliding:x", "sliding:1:2",
                             "sliding:2G", "prefix:-1", "shared_question:4", "shared_question:0:2",
                             "shared_question:4:0", "shared_question:4:65537", "dilated:2");
  const Result<Mask> mask = parse_mask(text);
  INFO(text);
  REQUIRE_FALSE(mask);
  CHECK_FALSE(mask.error().found.empty());
  CHECK_FALSE(mask.error().expected.empty());
}

TEST_CASE("areas of long batches are exact") {
  // n (n + 1) / 2 pairs of a causal document, n^2 of a full one; n = 2^30 overflows 32 bits.
  const std::int64_t n = max_tokens;
  const Batch batch{{max_tokens}};
  CHECK(area(Mask{}, batch) == n * (n + 1) / 2);
  CHECK(area(*parse_mask("full"), batch) == n * n);
  // The first W rows see 1 .. W keys, all others W.
  CHECK(area(*parse_mask("sliding:4K"), batch) == 4096 * 4097 / 2 + (n - 4096) * 4096);
}

TEST_CASE("slices are counted without making them, and not far off") {
  const auto text = GENERATE(as<std::string>(), "causal", "full", "sliding:4", "prefix:5",
                             "shared_question:3:4", "shared_question:20:7");
  const Mask mask = *parse_mask(text);
  for (Token length = 1; length < 40; ++length) {
    const Batch batch{{length, 1, 2 * length}};
    const auto made = static_cast<std::int64_t>(lower(mask, batch).size());
    INFO(text << " of " << length);
    CHECK(count_slices(mask, batch) >= made);
    if (length == 39) CHECK(count_slices(mask, batch) <= made + 5);
  }
  const Batch hostile{std::vector<Token>(16383, 65537)};
  CHECK(count_slices(*parse_mask("shared_question:1:65536"), hostile) == 16383LL * 65538);
}

TEST_CASE("a window or prefix longer than the document is the document") {
  const Batch batch{{10, 3}};
  CHECK(area(*parse_mask("sliding:100"), batch) == area(Mask{}, batch));
  CHECK(area(*parse_mask("prefix:100"), batch) == 100 + 9);
  CHECK(area(*parse_mask("shared_question:100:2"), batch) == area(Mask{}, batch));
}
