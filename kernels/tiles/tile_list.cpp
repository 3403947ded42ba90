#include "kernels/tiles/tile_list.hpp"

#include <algorithm>
#include <numeric>
#include <string>

namespace hsap::kernels {
namespace {

Band band_of(const Slice& slice, Side side) {
  const Interval& rows = side == Side::query ? slice.query : slice.key;
  const Interval& columns = side == Side::query ? slice.key : slice.query;
  // Bounds of key - query that the kind sets, else those that the corners have anyway.
  const Token spare = slice.key.size() - slice.query.size();
  const bool below = slice.kind == SliceKind::causal || slice.kind == SliceKind::bi_causal;
  const bool above = slice.kind == SliceKind::inverse_causal || slice.kind == SliceKind::bi_causal;
  const Token corner = slice.key.begin - slice.query.begin;
  const Token low = above ? corner : slice.key.begin - (slice.query.end - 1);
  const Token high = below ? corner + spare : slice.key.end - 1 - slice.query.begin;
  if (side == Side::query) return {rows.begin, rows.end, columns.begin, columns.end, low, high};
  return {rows.begin, rows.end, columns.begin, columns.end, -high, -low};
}

Status check(const Slice& slice, Side side, std::int32_t rows, std::int32_t columns) {
  const Interval& on_rows = side == Side::query ? slice.query : slice.key;
  const Interval& on_columns = side == Side::query ? slice.key : slice.query;
  const auto good = [](const Interval& interval, std::int32_t limit) {
    return interval.begin >= 0 && !interval.empty() && interval.end <= limit &&
           interval.stride == 1;
  };
  if (good(on_rows, rows) && good(on_columns, columns)) return {};
  return bad_input("a slice is empty, strided or beyond the rows of its operands",
                   std::to_string(slice.query.begin) + ".." + std::to_string(slice.query.end) +
                       " x " + std::to_string(slice.key.begin) + ".." +
                       std::to_string(slice.key.end));
}

/// Rows between neighbouring begins and ends of bands: all of them see the same bands.
std::vector<std::int32_t> cuts_of(std::span<const Band> bands, std::int32_t rows) {
  std::vector<std::int32_t> cuts = {0, rows};
  for (const Band& band : bands) {
    cuts.push_back(band.row_begin);
    cuts.push_back(band.row_end);
  }
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  return cuts;
}

/// Tiles of at most `height` rows. A segment that does not fit into what is left of an open tile
/// begins a new one.
std::vector<Tile> cut_rows(const std::vector<std::int32_t>& cuts, std::int32_t height) {
  std::vector<Tile> tiles;
  std::int32_t begin = 0;  // of the open tile
  const auto close = [&](std::int32_t end) {
    if (end > begin) tiles.push_back({begin, end - begin, 0, 0});
    begin = end;
  };
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    const std::int32_t end = cuts[i + 1];
    if (end - begin > height) close(cuts[i]);
    while (end - begin > height) close(begin + height);
  }
  close(cuts.back());
  return tiles;
}

/// A band cut down to a tile's rows and the columns that they see; empty when they see none.
Band within(const Band& band, const Tile& tile) {
  Band part = band;
  part.row_begin = std::max(band.row_begin, tile.row_begin);
  part.row_end = std::min(band.row_end, tile.row_begin + tile.rows);
  if (part.row_begin >= part.row_end) return {};
  part.column_begin = std::max(band.column_begin, part.row_begin + band.low);
  part.column_end = std::min(band.column_end, part.row_end + band.high);
  return part.column_begin < part.column_end ? part : Band{};
}

class Builder {
 public:
  Builder(std::vector<Band> bands, TileShape shape) : bands_(std::move(bands)), shape_(shape) {
    std::sort(bands_.begin(), bands_.end(), [](const Band& a, const Band& b) {
      return a.row_begin != b.row_begin ? a.row_begin < b.row_begin
                                        : a.column_begin < b.column_begin;
    });
    // The last row of bands up to each: where a search for a tile's bands may begin.
    reach_.resize(bands_.size());
    std::int32_t reach = 0;
    for (std::size_t i = 0; i < bands_.size(); ++i) {
      reach_[i] = reach = std::max(reach, bands_[i].row_end);
    }
  }

  TileList build(std::int32_t rows) {
    list_.tiles = cut_rows(cuts_of(bands_, rows), shape_.rows);
    for (Tile& tile : list_.tiles) add_runs(tile);
    longest_first();
    return std::move(list_);
  }

 private:
  void add_runs(Tile& tile) {
    parts_.clear();
    const auto first = std::upper_bound(reach_.begin(), reach_.end(), tile.row_begin);
    for (auto i = static_cast<std::size_t>(first - reach_.begin());
         i < bands_.size() && bands_[i].row_begin < tile.row_begin + tile.rows; ++i) {
      const Band part = within(bands_[i], tile);
      if (part.row_begin < part.row_end) parts_.push_back(part);
    }
    std::sort(parts_.begin(), parts_.end(),
              [](const Band& a, const Band& b) { return a.column_begin < b.column_begin; });
    tile.first_run = static_cast<std::uint32_t>(list_.runs.size());
    for (const Band& part : parts_) {
      if (!joins(tile, part)) open_run(part);
      Run& run = list_.runs.back();
      run.column_end = std::max(run.column_end, part.column_end);
      list_.bands.push_back(part);
      ++run.bands;
    }
    tile.runs = static_cast<std::uint32_t>(list_.runs.size()) - tile.first_run;
    for (std::uint32_t i = 0; i < tile.runs; ++i) find_full(tile, list_.runs[tile.first_run + i]);
  }

  void open_run(const Band& part) {
    list_.runs.push_back({part.column_begin, part.column_end, 0, 0,
                          static_cast<std::uint32_t>(list_.bands.size()), 0});
  }

  /// Whether a part goes on where the last run ends, with rows that the run does not have yet.
  [[nodiscard]] bool joins(const Tile& tile, const Band& part) const {
    if (list_.runs.size() == tile.first_run) return false;
    const Run& run = list_.runs.back();
    if (part.column_begin > run.column_end) return false;
    for (std::uint32_t i = 0; i < run.bands; ++i) {
      const Band& other = list_.bands[run.first_band + i];
      if (part.row_begin < other.row_end && other.row_begin < part.row_end) return false;
    }
    return true;
  }

  void find_full(const Tile& tile, Run& run) const {
    std::int32_t rows = 0;
    std::int32_t begin = run.column_begin;
    std::int32_t end = run.column_end;
    for (std::uint32_t i = 0; i < run.bands; ++i) {
      const Band& band = list_.bands[run.first_band + i];
      rows += band.row_end - band.row_begin;
      begin = std::max({begin, band.column_begin, band.row_end - 1 + band.low});
      end = std::min({end, band.column_end, band.row_begin + band.high + 1});
    }
    if (rows == tile.rows && begin < end) {
      run.full_begin = begin;
      run.full_end = end;
    }
  }

  void longest_first() {
    std::vector<std::int64_t> steps(list_.tiles.size(), 0);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const Tile& tile = list_.tiles[i];
      for (std::uint32_t r = 0; r < tile.runs; ++r) {
        const Run& run = list_.runs[tile.first_run + r];
        steps[i] += (run.column_end - run.column_begin + shape_.columns - 1) / shape_.columns;
      }
    }
    std::vector<std::size_t> order(steps.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return steps[a] > steps[b]; });
    std::vector<Tile> sorted;
    sorted.reserve(order.size());
    for (const std::size_t i : order) sorted.push_back(list_.tiles[i]);
    list_.tiles = std::move(sorted);
  }

  std::vector<Band> bands_;
  TileShape shape_;
  std::vector<std::int32_t> reach_;
  std::vector<Band> parts_;
  TileList list_;
};

}  // namespace

Result<TileList> make_tiles(std::span<const Slice> slices, Side side, std::int32_t rows,
                            std::int32_t columns, const TileShape& shape) {
  std::vector<Band> bands;
  bands.reserve(slices.size());
  for (const Slice& slice : slices) {
    HSAP_CHECK(check(slice, side, rows, columns));
    bands.push_back(band_of(slice, side));
  }
  return Builder(std::move(bands), shape).build(rows);
}

}  // namespace hsap::kernels
