#include "cost/blocks.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>

#include "cost/tiles.hpp"

namespace hsap {
namespace {

/// Rows at which walks of a stretch are looked at, if it has so many slices: bounds the work.
constexpr std::size_t most_samples = 64;

/// A slice by its rows: small, since they are sorted.
struct Part {
  Interval rows;
  const Slice* slice = nullptr;

  /// Of the rows that a block may lie across: those of a striped shard are its own.
  [[nodiscard]] Token lane() const { return rows.stride == 1 ? 0 : rows.begin % rows.stride; }
  /// Sorts rows that can share a block side by side.
  [[nodiscard]] bool before(const Part& other) const {
    if (rows.stride == 1 && other.rows.stride == 1) return rows.begin < other.rows.begin;
    return std::tuple(rows.stride, lane(), rows.begin) <
           std::tuple(other.rows.stride, other.lane(), other.rows.begin);
  }
  [[nodiscard]] bool shares_rows(const Part& later, Token end) const {
    return later.rows.begin < end && later.rows.stride == rows.stride && later.lane() == lane();
  }
};

class Stretches {
 public:
  Stretches(int heads, Pass pass, const AttentionKernel& kernel)
      : heads_(heads), pass_(pass), kernel_(kernel) {}

  /// Blocks of parts in order of their rows, each but the first sharing some with one before it.
  Blocks of(std::span<const Part> parts) {
    if (parts.size() == 1) return of_one(grid_of(parts.front()));
    Token end = 0;
    std::int64_t tiles = 0;
    grids_.clear();
    samples_.clear();
    for (const Part& part : parts) {
      end = std::max(end, part.rows.end);
      grids_.push_back(grid_of(part));
      tiles += grids_.back().visited();
      sample(part.rows, grids_.back());
    }
    thin();
    const std::int64_t tile = grids_.front().row_tile;
    const Interval rows{parts.front().rows.begin, end, parts.front().rows.stride};
    const auto of_head = static_cast<double>(ceil_div(rows.size(), tile));
    const double filled = static_cast<double>(rows.size()) / static_cast<double>(tile);
    Blocks blocks{of_head * heads_, of_head, filled * heads_, static_cast<double>(tiles) * heads_};
    for (std::size_t i = 0; i < samples_.size(); ++i) {
      std::int64_t walk = 0;
      for (std::size_t p = 0; p < parts.size(); ++p) {
        walk += visited_at(samples_[i], parts[p].rows, grids_[p]);
      }
      const auto length = static_cast<double>(walk);
      blocks.longest = std::max(blocks.longest, length);
      blocks.shortest = i == 0 ? length : std::min(blocks.shortest, length);
    }
    return blocks;
  }

 private:
  [[nodiscard]] TileGrid grid_of(const Part& part) const {
    return (pass_ == Pass::forward ? query_major : key_major)(*part.slice, kernel_.tile_query,
                                                              kernel_.tile_key);
  }

  /// Column tiles that the block with a token's row visits in one slice.
  static std::int64_t visited_at(Token token, const Interval& rows, const TileGrid& grid) {
    if (!rows.contains(token)) return 0;
    return grid.visited((token - rows.begin) / rows.stride / grid.row_tile);
  }

  /// The first rows of the first, middle and last block tell the extremes: along a slice the walk
  /// grows, then keeps its length, then shrinks.
  void sample(const Interval& rows, const TileGrid& grid) {
    const std::int64_t count = grid.blocks();
    for (const std::int64_t block : {std::int64_t{0}, count / 2, count - 1}) {
      samples_.push_back(rows.at(static_cast<Token>(block * grid.row_tile)));
    }
  }

  /// Most stretches: looked at without a detour.
  [[nodiscard]] Blocks of_one(const TileGrid& grid) const {
    const std::int64_t count = grid.blocks();
    const std::int64_t first = grid.visited(0);
    const std::int64_t middle = grid.visited(count / 2);
    const std::int64_t last = grid.visited(count - 1);
    return {static_cast<double>(count * heads_),
            static_cast<double>(count),
            static_cast<double>(grid.rows * heads_) / static_cast<double>(grid.row_tile),
            static_cast<double>(grid.visited() * heads_),
            static_cast<double>(std::max({first, middle, last})),
            static_cast<double>(std::min({first, middle, last}))};
  }

  void thin() {
    std::sort(samples_.begin(), samples_.end());
    samples_.erase(std::unique(samples_.begin(), samples_.end()), samples_.end());
    const std::size_t count = samples_.size();
    if (count <= most_samples) return;
    for (std::size_t i = 0; i < most_samples; ++i) {
      samples_[i] = samples_[i * (count - 1) / (most_samples - 1)];
    }
    samples_.resize(most_samples);
  }

  int heads_;
  Pass pass_;
  const AttentionKernel& kernel_;
  std::vector<TileGrid> grids_;
  std::vector<Token> samples_;
};

}  // namespace

void Blocks::add(const Blocks& other, double times) {
  shortest = count > 0 ? std::min(shortest, other.shortest) : other.shortest;
  longest = std::max(longest, other.longest);
  count += times * other.count;
  of_head += times * other.of_head;
  filled += times * other.filled;
  tiles += times * other.tiles;
}

std::vector<Blocks> blocks_of(std::span<const Slice> slices, int heads, Pass pass,
                              const AttentionKernel& kernel) {
  const bool forward = pass == Pass::forward;
  std::vector<Part> parts;
  parts.reserve(slices.size());
  for (const Slice& slice : slices) {
    const Interval& rows = forward ? slice.query : slice.key;
    if (!rows.empty()) parts.push_back({rows, &slice});
  }
  const auto before = [](const Part& a, const Part& b) { return a.before(b); };
  if (!std::is_sorted(parts.begin(), parts.end(), before)) {
    std::sort(parts.begin(), parts.end(), before);
  }
  std::vector<Blocks> out;
  out.reserve(parts.size());
  Stretches stretches(heads, pass, kernel);
  for (std::size_t begin = 0; begin < parts.size();) {
    std::size_t end = begin + 1;
    Token last = parts[begin].rows.end;
    for (; end < parts.size() && parts[begin].shares_rows(parts[end], last); ++end) {
      last = std::max(last, parts[end].rows.end);
    }
    out.push_back(stretches.of(std::span(parts).subspan(begin, end - begin)));
    begin = end;
  }
  return out;
}

}  // namespace hsap
