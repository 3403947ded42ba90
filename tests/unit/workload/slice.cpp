#include <catch2/catch.hpp>
#include <random>

#include "hsap/mask.hpp"

using namespace hsap;

namespace {

/// Whether the mask lets a pair through, from its definition in words.
bool by_definition(const Mask& mask, Token begin, Token end, Token q, Token k) {
  if (q < begin || q >= end || k < begin || k >= end) return false;
  const Token split = begin + std::min(mask.prefix, end - begin);
  switch (mask.kind) {
    case Mask::Kind::causal:
      return k <= q;
    case Mask::Kind::full:
      return true;
    case Mask::Kind::sliding:
      return k <= q && k > q - mask.window;
    case Mask::Kind::prefix:
      return k <= q || (q < split && k < split);
    case Mask::Kind::shared_question: {
      if (q < split) return k <= q;
      if (k < split) return true;
      const Token each = std::max<Token>(1, (end - split) / mask.answers);
      const auto answer = [&](Token t) { return std::min(mask.answers - 1, (t - split) / each); };
      return k <= q && answer(q) == answer(k);
    }
  }
  return false;
}

int count(const std::vector<Slice>& slices, Token q, Token k) {
  int n = 0;
  for (const Slice& slice : slices) n += attends(slice, q, k) ? 1 : 0;
  return n;
}

}  // namespace

TEST_CASE("masks lower to slices that cover each unmasked pair once") {
  const auto text =
      GENERATE(as<std::string>(), "causal", "full", "sliding:1", "sliding:5", "sliding:64",
               "prefix:0", "prefix:3", "prefix:64", "shared_question:4:3", "shared_question:2:30");
  const Mask mask = *parse_mask(text);
  const Batch batch{{1, 7, 20, 2, 13}};
  const std::vector<Slice> slices = lower(mask, batch);
  std::int64_t pairs = 0;
  for (Token q = 0; q < 43; ++q) {
    for (Token k = 0; k < 43; ++k) {
      int expected = 0;
      Token begin = 0;
      for (const Token length : batch.lengths) {
        expected += by_definition(mask, begin, begin + length, q, k) ? 1 : 0;
        begin += length;
      }
      pairs += expected;
      INFO(text << " q " << q << " k " << k);
      REQUIRE(count(slices, q, k) == expected);
    }
  }
  CHECK(area(mask, batch) == pairs);
}

TEST_CASE("cutting a slice keeps exactly the pairs of the two intervals") {
  std::mt19937 random(7);
  const auto draw = [&](int low, int high) {
    return static_cast<Token>(low + static_cast<int>(random() % (high - low + 1)));
  };
  for (int round = 0; round < 4000; ++round) {
    const Token n = draw(1, 14);
    const Token m = draw(1, 14);
    Slice slice{make_interval(20, 20 + n), make_interval(10, 10 + m),
                static_cast<SliceKind>(draw(0, 3))};
    if (slice.kind == SliceKind::bi_causal && m < n) continue;
    const Token stride = draw(1, 4);
    const Token q0 = draw(18, 34), k0 = draw(8, 24);
    const Interval query = make_interval(q0, draw(q0, 36), stride);
    const Interval key = make_interval(k0, draw(k0, 26), stride);
    std::vector<Slice> parts;
    cut(slice, query, key, parts);
    std::int64_t pairs = 0;
    int wrong = 0;
    for (Token q = 16; q < 38; ++q) {
      for (Token k = 6; k < 28; ++k) {
        const bool kept = attends(slice, q, k) && query.contains(q) && key.contains(k);
        wrong += count(parts, q, k) == (kept ? 1 : 0) ? 0 : 1;
        pairs += kept ? 1 : 0;
      }
    }
    INFO("round " << round);
    REQUIRE(wrong == 0);
    std::int64_t total = 0;
    for (const Slice& part : parts) total += area(part);
    REQUIRE(total == pairs);
    REQUIRE(parts.size() <= 3);
  }
}

TEST_CASE("cutting a slice by all of its tokens leaves it whole") {
  const Interval few = make_interval(10, 40);
  const Interval many = make_interval(5, 90);
  for (const SliceKind kind :
       {SliceKind::full, SliceKind::causal, SliceKind::inverse_causal, SliceKind::bi_causal}) {
    const Slice slice{few, many, kind};
    std::vector<Slice> pieces;
    cut(slice, make_interval(0, 100), make_interval(0, 100), pieces);
    CHECK(pieces == std::vector<Slice>{slice});
  }
}

TEST_CASE("a causal square cut at the diagonal gives one causal and one full piece") {
  const Slice square{make_interval(0, 64), make_interval(0, 64), SliceKind::causal};
  const Interval first = make_interval(0, 32);
  const Interval second = make_interval(32, 64);
  std::vector<Slice> pieces;
  cut(square, second, second, pieces);
  cut(square, second, first, pieces);
  CHECK(pieces ==
        std::vector<Slice>{{second, second, SliceKind::causal}, {second, first, SliceKind::full}});
  // With the first query's own key the whole of it is still in sight.
  pieces.clear();
  cut(square, second, make_interval(0, 33), pieces);
  CHECK(pieces == std::vector<Slice>{{second, make_interval(0, 33), SliceKind::full}});
}
