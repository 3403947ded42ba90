#include "cost/tiles.hpp"

#include <catch2/catch.hpp>
#include <random>

using namespace hsap;

namespace {

constexpr SliceKind kinds[] = {SliceKind::full, SliceKind::causal, SliceKind::inverse_causal,
                               SliceKind::bi_causal};

Slice slice_of(Token queries, Token keys, SliceKind kind) {
  return {make_interval(0, queries), make_interval(0, keys), kind};
}

/// Tiles with at least one pair, by looking at every pair.
std::int64_t count_tiles(const Slice& slice, Token tile_query, Token tile_key) {
  std::int64_t tiles = 0;
  for (Token q0 = 0; q0 < slice.query.size(); q0 += tile_query) {
    for (Token k0 = 0; k0 < slice.key.size(); k0 += tile_key) {
      bool any = false;
      for (Token q = q0; q < std::min(slice.query.size(), q0 + tile_query); ++q) {
        for (Token k = k0; k < std::min(slice.key.size(), k0 + tile_key); ++k) {
          any = any || attends(slice, q, k);
        }
      }
      tiles += any ? 1 : 0;
    }
  }
  return tiles;
}

}  // namespace

TEST_CASE("A floor sum counts lattice points") {
  // floor(0/3) + floor(2/3) + floor(4/3) + floor(6/3) = 0 + 0 + 1 + 2
  CHECK(floor_sum(4, 3, 2, 0) == 3);
  CHECK(floor_sum(0, 3, 2, 5) == 0);
  CHECK(floor_sum(3, 1, 5, 7) == 7 + 12 + 17);
}

TEST_CASE("Tiles visited equal the tiles that hold an unmasked pair") {
  std::mt19937 random(7);
  const auto draw = [&](Token low, Token high) {
    return std::uniform_int_distribution<Token>(low, high)(random);
  };
  for (int i = 0; i < 400; ++i) {
    const Slice slice = slice_of(draw(1, 40), draw(1, 40), kinds[i % 4]);
    const Token tile_query = draw(1, 9);
    const Token tile_key = draw(1, 9);
    const std::int64_t expected = count_tiles(slice, tile_query, tile_key);
    INFO(slice.query.size() << " x " << slice.key.size() << " kind " << i % 4 << " tiles "
                            << tile_query << " x " << tile_key);
    CHECK(query_major(slice, tile_query, tile_key).visited() == expected);
    CHECK(key_major(slice, tile_query, tile_key).visited() == expected);
  }
}

TEST_CASE("The walks of the blocks add up to the tiles visited") {
  for (const SliceKind kind : kinds) {
    for (const TileGrid& grid : {query_major(slice_of(1000, 1700, kind), 128, 96),
                                 key_major(slice_of(1000, 1700, kind), 128, 96)}) {
      std::int64_t sum = 0;
      for (std::int64_t block = 0; block < grid.blocks(); ++block) sum += grid.visited(block);
      CHECK(grid.visited() == sum);
    }
  }
}

TEST_CASE(
    "A causal square of n tiles a side visits n (n + 1) / 2 tiles, also at a million tokens") {
  const Token tokens = Token{1} << 20;
  const std::int64_t side = tokens / 128;
  const Slice slice = slice_of(tokens, tokens, SliceKind::causal);
  CHECK(query_major(slice, 128, 128).visited() == side * (side + 1) / 2);
  CHECK(key_major(slice, 128, 128).visited() == side * (side + 1) / 2);
}
