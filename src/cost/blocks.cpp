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

/// A slice with the rows that it has.
struct Part {
  Interval rows;
  TileGrid grid;

  /// Sorts rows that can share a block side by side: those of a striped shard are its own.
  [[nodiscard]] auto place() const {
    return std::tuple(rows.stride, rows.begin % rows.stride, rows.begin);
  }
  [[nodiscard]] bool shares_rows(const Part& later, Token end) const {
    return later.rows.begin < end && later.rows.stride == rows.stride &&
           (later.rows.begin - rows.begin) % rows.stride == 0;
  }
  /// Column tiles that the block with a token's row visits here.
  [[nodiscard]] std::int64_t visited_at(Token token) const {
    if (!rows.contains(token)) return 0;
    return grid.visited((token - rows.begin) / rows.stride / grid.row_tile);
  }
  /// The first rows of the first, middle and last block tell the extremes: along a slice the walk
  /// grows, then keeps its length, then shrinks.
  void sample(std::vector<Token>& tokens) const {
    const std::int64_t count = grid.blocks();
    for (const std::int64_t block : {std::int64_t{0}, count / 2, count - 1}) {
      tokens.push_back(rows.at(static_cast<Token>(block * grid.row_tile)));
    }
  }
};

class Stretches {
 public:
  explicit Stretches(int heads) : heads_(heads) {}

  /// Blocks of parts in order of their rows, each but the first sharing some with one before it.
  Blocks of(std::span<const Part> parts) {
    Token end = 0;
    std::int64_t tiles = 0;
    samples_.clear();
    for (const Part& part : parts) {
      end = std::max(end, part.rows.end);
      tiles += part.grid.visited();
      part.sample(samples_);
    }
    thin();
    const TileGrid& grid = parts.front().grid;
    const Interval rows{parts.front().rows.begin, end, parts.front().rows.stride};
    const auto of_head = static_cast<double>(ceil_div(rows.size(), grid.row_tile));
    const double filled = static_cast<double>(rows.size()) / static_cast<double>(grid.row_tile);
    Blocks blocks{of_head * heads_, of_head, filled * heads_, static_cast<double>(tiles) * heads_};
    for (std::size_t i = 0; i < samples_.size(); ++i) {
      std::int64_t walk = 0;
      for (const Part& part : parts) walk += part.visited_at(samples_[i]);
      const auto length = static_cast<double>(walk);
      blocks.longest = std::max(blocks.longest, length);
      blocks.shortest = i == 0 ? length : std::min(blocks.shortest, length);
    }
    return blocks;
  }

 private:
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
    const TileGrid grid =
        (forward ? query_major : key_major)(slice, kernel.tile_query, kernel.tile_key);
    if (grid.blocks() > 0) parts.push_back({forward ? slice.query : slice.key, grid});
  }
  const auto before = [](const Part& a, const Part& b) { return a.place() < b.place(); };
  if (!std::is_sorted(parts.begin(), parts.end(), before)) {
    std::sort(parts.begin(), parts.end(), before);
  }
  std::vector<Blocks> out;
  out.reserve(parts.size());
  Stretches stretches(heads);
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
