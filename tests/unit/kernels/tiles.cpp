#include "kernels/tiles/tile_list.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>
#include <random>
#include <set>
#include <vector>

using namespace hsap;
using namespace hsap::kernels;

namespace {

/// How often each pair (row, column) is let through.
class Grid {
 public:
  Grid(int rows, int columns)
      : columns_(columns), times_(static_cast<std::size_t>(rows * columns), 0) {}

  char& at(int row, int column) {
    return times_.at(static_cast<std::size_t>(row * columns_ + column));
  }
  /// Pairs in one row; columns beyond the last have none.
  [[nodiscard]] int count(int row, int begin, int end) const {
    const auto first = times_.begin() + row * columns_;
    return std::accumulate(first + std::min(begin, columns_), first + std::min(end, columns_), 0);
  }
  friend bool operator==(const Grid&, const Grid&) = default;

 private:
  int columns_;
  std::vector<char> times_;
};

/// What the tiles let through.
Grid pairs_of(const TileList& list, int rows, int columns) {
  Grid pairs(rows, columns);
  bool good = true;
  for (const Tile& tile : list.tiles) {
    for (std::uint32_t r = 0; r < tile.runs; ++r) {
      const Run& run = list.runs[tile.first_run + r];
      for (int row = tile.row_begin; row < tile.row_begin + tile.rows; ++row) {
        const Columns seen = columns_of(&list.bands[run.first_band], run.bands, row);
        for (int column = seen.begin; column < seen.end; ++column) {
          ++pairs.at(row, column);
          good = good && column >= run.column_begin && column < run.column_end;
        }
      }
    }
  }
  CHECK(good);
  return pairs;
}

/// The pairs of slices that share none: each once.
Grid pairs_of(std::span<const Slice> slices, Side side, int rows, int columns) {
  Grid pairs(rows, columns);
  for (const Slice& slice : slices) {
    for (int q = slice.query.begin; q < slice.query.end; ++q) {
      for (int k = slice.key.begin; k < slice.key.end; ++k) {
        if (attends(slice, q, k)) ++(side == Side::query ? pairs.at(q, k) : pairs.at(k, q));
      }
    }
  }
  return pairs;
}

/// Steps that the tiles take, and how many of them need a mask. Checks what steps promise.
struct Walk {
  int steps = 0;
  int masked = 0;
};
Walk walk(const TileList& list, const Grid& pairs, int width) {
  Walk walked;
  for (const Tile& tile : list.tiles) {
    for (Steps steps(tile, list.runs.data(), width); !steps.done(); steps.next()) {
      ++walked.steps;
      int seen = 0;
      for (int row = tile.row_begin; row < tile.row_begin + tile.rows; ++row) {
        seen += pairs.count(row, steps.column(), steps.column() + width);
      }
      CHECK(seen > 0);
      if (!steps.masked()) CHECK(seen == tile.rows * width);
      walked.masked += steps.masked() ? 1 : 0;
    }
  }
  return walked;
}

void check_cover(const TileList& list, int rows, int height) {
  std::vector<int> covered(static_cast<std::size_t>(rows), 0);
  for (const Tile& tile : list.tiles) {
    CHECK((tile.rows >= 1 && tile.rows <= height));
    for (int row = 0; row < tile.rows; ++row) {
      ++covered[static_cast<std::size_t>(tile.row_begin + row)];
    }
  }
  CHECK(std::all_of(covered.begin(), covered.end(), [](int times) { return times == 1; }));
}

std::vector<Slice> causal_documents(const std::vector<int>& lengths) {
  std::vector<Slice> slices;
  int begin = 0;
  for (const int length : lengths) {
    const Interval tokens{begin, begin + length, 1};
    slices.push_back({tokens, tokens, SliceKind::causal});
    begin += length;
  }
  return slices;
}

}  // namespace

TEST_CASE("a causal document visits the lower triangle of tiles and masks the diagonal") {
  const auto slices = causal_documents({512});
  const auto list = make_tiles(slices, Side::query, 512, 512, {128, 128}).value();
  CHECK(list.tiles.size() == 4);
  CHECK(list.tiles.front().row_begin == 384);  // the longest first
  const Walk walked = walk(list, pairs_of(slices, Side::query, 512, 512), 128);
  CHECK(walked.steps == 1 + 2 + 3 + 4);
  CHECK(walked.masked == 4);
}

TEST_CASE("short documents share a tile and a run") {
  const auto slices = causal_documents(std::vector<int>(128, 1));
  const auto list = make_tiles(slices, Side::query, 128, 128, {128, 128}).value();
  REQUIRE(list.tiles.size() == 1);
  CHECK(list.runs.size() == 1);
  CHECK(walk(list, pairs_of(slices, Side::query, 128, 128), 128).steps == 1);
}

TEST_CASE("tiles begin where documents begin") {
  const auto list =
      make_tiles(causal_documents({130, 256, 100}), Side::query, 486, 486, {128, 128});
  REQUIRE(list);
  std::set<int> begins;
  for (const Tile& tile : list->tiles) begins.insert(tile.row_begin);
  CHECK(begins == std::set<int>{0, 128, 130, 258, 386});
}

TEST_CASE("rows that see nothing are covered") {
  const auto list = make_tiles({}, Side::query, 300, 10, {128, 128}).value();
  check_cover(list, 300, 128);
  CHECK(list.runs.empty());
}

TEST_CASE("slices beyond the operands are refused") {
  const std::vector<Slice> slices = {{{0, 10, 1}, {0, 11, 1}, SliceKind::full}};
  CHECK_FALSE(make_tiles(slices, Side::query, 10, 10, {}));
  const std::vector<Slice> strided = {{{0, 9, 2}, {0, 9, 1}, SliceKind::full}};
  CHECK_FALSE(make_tiles(strided, Side::query, 10, 10, {}));
}

TEST_CASE("tiles let through the pairs of the slices and no others") {
  std::mt19937 random(7);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 100; ++round) {
    // Disjoint rows or disjoint columns keep the pairs of slices disjoint.
    std::vector<Slice> slices;
    int query = 0;
    while (query < 200) {
      const int rows = 1 + below(round % 2 == 0 ? 12 : 90);
      int key = below(40);
      while (key < 260 && below(4) != 0) {
        const int columns = 1 + below(120);
        Slice slice{{query, query + rows, 1}, {key, key + columns, 1}, SliceKind(below(4))};
        if (slice.kind == SliceKind::bi_causal && columns < rows) slice.kind = SliceKind::full;
        if (area(slice) > 0) slices.push_back(slice);
        key += columns + below(3) * 10;
      }
      query += rows;
    }
    for (const Side side : {Side::query, Side::key}) {
      const int rows = side == Side::query ? 290 : 400;
      const int columns = side == Side::query ? 400 : 290;
      const auto list = make_tiles(slices, side, rows, columns, {64, 32});
      REQUIRE(list);
      check_cover(*list, rows, 64);
      CHECK((pairs_of(*list, rows, columns) == pairs_of(slices, side, rows, columns)));
    }
  }
}
