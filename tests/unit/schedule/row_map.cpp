#include <array>
#include <catch2/catch.hpp>
#include <random>

#include "schedule/verify/row_map.hpp"

namespace hsap::verifier {
namespace {

constexpr std::size_t heads = 5;
constexpr std::size_t positions = 24;

/// The same as RowMap, cell by cell.
using Cells = std::array<std::array<int, positions>, heads>;

TEST_CASE("a row map is a table of cells") {
  std::mt19937 random(11);
  const auto draw = [&](std::size_t n) { return static_cast<unsigned>(random() % n); };
  for (int round = 0; round < 100; ++round) {
    RowMap<int> map({0, heads}, 7);
    Cells cells;
    for (auto& row : cells) row.fill(7);
    for (int change = 0; change < 30; ++change) {
      const auto h0 = draw(heads), h1 = h0 + 1 + draw(heads - h0);
      const auto p0 = draw(positions), p1 = p0 + draw(positions - p0 + 1);
      const int by = static_cast<int>(draw(3));
      map.update({static_cast<std::uint16_t>(h0), static_cast<std::uint16_t>(h1)}, {p0, p1},
                 [&](int& value, HeadRange, const Run&) { value = by == 0 ? 7 : value + by; });
      for (std::size_t h = h0; h < h1; ++h) {
        for (std::size_t p = p0; p < p1; ++p) cells[h][p] = by == 0 ? 7 : cells[h][p] + by;
      }
    }
    std::size_t seen = 0;
    map.read({0, heads}, {0, positions}, [&](int value, HeadRange part, const Run& run) {
      for (std::size_t h = part.begin; h < part.end; ++h) {
        for (std::size_t p = run.begin; p < run.end; ++p, ++seen) REQUIRE(cells[h][p] == value);
      }
    });
    CHECK(seen == heads * positions);
  }
}

TEST_CASE("equal neighbours become one piece again") {
  RowMap<int> map({0, 2});
  const auto set_to = [](int to) {
    return [to](int& value, HeadRange, const Run&) { value = to; };
  };
  for (Position p = 0; p < 100; ++p) map.update({0, 2}, {p, p + 1}, set_to(static_cast<int>(p)));
  map.update({0, 2}, {10, 90}, set_to(5));
  int pieces = 0;
  map.read({0, 2}, {10, 90}, [&](int, HeadRange, const Run&) { ++pieces; });
  CHECK(pieces == 1);
}

TEST_CASE("positions of a strided interval are consecutive and come back as tokens") {
  const Positions map(23, 4);
  for (Token first = 0; first < 4; ++first) {
    const Interval shard = make_interval(first, 23, 4);
    const Run run = map.run(shard);
    REQUIRE(run.end - run.begin == static_cast<Position>(shard.size()));
    for (Token row = 0; row < shard.size(); ++row) {
      CHECK(map.token(run.begin + static_cast<Position>(row)) == shard.at(row));
    }
  }
}

}  // namespace
}  // namespace hsap::verifier
