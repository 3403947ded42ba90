#include "cost/attention.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

#include "cost/blocks.hpp"

namespace hsap {
namespace {

/// head_dim at which AttentionKernel::flop_per_s is stated.
constexpr double reference_dim = 128;
/// A kernel that can split its walks does so below this share of a device full of blocks.
constexpr double split_below = 0.8;

/// Seconds of one tile on one multiprocessor. The products shrink with head_dim, the exponentials
/// do not; above the reference the products are all that grows.
double tile_seconds(const AttentionKernel& kernel, int head_dim, Pass pass, int multiprocessors) {
  const std::int64_t pairs = std::int64_t{kernel.tile_query} * kernel.tile_key;
  const double at_reference = attention_flop(pairs, 1, static_cast<int>(reference_dim), pass) *
                              multiprocessors / kernel.flop_per_s;
  const double ratio = head_dim / reference_dim;
  const double share = ratio < 1 ? kernel.fixed_share : 0;
  return at_reference * (share + (1 - share) * ratio);
}

bool ragged(const Slice& slice, const AttentionKernel& kernel) {
  return slice.query.size() % kernel.tile_query != 0 || slice.key.size() % kernel.tile_key != 0;
}

/// By the shortest block, which is what a last wave is filled with.
void longest_first(std::vector<Blocks>& stretches) {
  const auto before = [](const Blocks& a, const Blocks& b) {
    return std::tie(a.shortest, a.longest) > std::tie(b.shortest, b.longest);
  };
  if (!std::is_sorted(stretches.begin(), stretches.end(), before)) {
    std::sort(stretches.begin(), stretches.end(), before);
  }
}

/// How long `blocks` keep `multiprocessors` busy.
class Makespan {
 public:
  Makespan(const AttentionKernel& kernel, double tile_s, int multiprocessors)
      : kernel_(kernel), tile_s_(tile_s), multiprocessors_(multiprocessors) {}

  /// Work spread evenly, then the rest of a last wave of the shortest blocks: exact waves when
  /// all blocks are equal. Never less than the longest block running alone.
  [[nodiscard]] double operator()(const Blocks& blocks) const {
    const double waves = blocks.count / multiprocessors_;
    const double overhead_s = overhead(blocks);
    const double work = blocks.count * overhead_s + blocks.tiles * tile_s_;
    double tail = (overhead_s + blocks.shortest * tile_s_) * (std::ceil(waves) - waves);
    tail += disorder(blocks) * (blocks.longest - blocks.shortest) * tile_s_;
    const double alone = (overhead_s + blocks.longest * tile_s_) / kernel_.lone_block_rate;
    return std::max(work / multiprocessors_ + tail, alone);
  }

  /// The same of a kernel that splits its walks, if it can, where blocks are few and that is
  /// faster.
  [[nodiscard]] double with_split(const Blocks& blocks) const {
    if (blocks.count == 0) return 0;
    const double whole_s = (*this)(blocks);
    if (!kernel_.splits_keys) return whole_s;
    if (blocks.count >= split_below * multiprocessors_) return whole_s;
    return std::min(whole_s, (*this)(split(blocks)));
  }

 private:
  /// The same work in more and shorter blocks, two a multiprocessor.
  [[nodiscard]] Blocks split(const Blocks& blocks) const {
    const double parts = std::clamp(std::floor(2 * multiprocessors_ / blocks.count), 1.0,
                                    std::max(1.0, blocks.longest));
    return {blocks.count * parts,
            blocks.of_head * parts,
            blocks.filled * parts,
            blocks.tiles,
            std::ceil(blocks.longest / parts),
            std::floor(blocks.shortest / parts)};
  }

  /// The part of the longest walk's lead that shows at the end. Longest last: the others are half
  /// done on average. By head: the last blocks to start come from several heads, and among them are
  /// long ones, unless one head alone has enough blocks for a wave and a half; fitted to schedules
  /// worked out block by block, of which it stays within 0.08.
  [[nodiscard]] double disorder(const Blocks& blocks) const {
    if (!kernel_.longest_first) return 0.5;
    if (!kernel_.by_head) return 0;
    return 0.7 * std::max(0.0, 1 - blocks.of_head / (1.5 * multiprocessors_));
  }
  /// Of a block, on average: rows that a block does not have are not read and written.
  [[nodiscard]] double overhead(const Blocks& blocks) const {
    if (blocks.count == 0) return 0;
    const double missing = 1 - blocks.filled / blocks.count;
    return kernel_.block_overhead_s * (1 - kernel_.overhead_row_share * missing);
  }

  const AttentionKernel& kernel_;
  double tile_s_;
  double multiprocessors_;
};

}  // namespace

double attention_flop(std::int64_t pairs, int heads, int head_dim, Pass pass) {
  const double forward = 4.0 * static_cast<double>(pairs) * heads * head_dim;
  return pass == Pass::forward ? forward : 2.5 * forward;
}

double attention_seconds(std::span<const Slice> slices, int query_heads, int head_dim, Pass pass,
                         const Device& device) {
  return attention_time(slices, query_heads, head_dim, pass, device).seconds;
}

KernelTime attention_time(std::span<const Slice> slices, int query_heads, int head_dim, Pass pass,
                          const Device& device) {
  return packed_attention_time(slices, 1, query_heads, head_dim, pass, device);
}

KernelTime packed_attention_time(std::span<const Slice> slices, std::int64_t documents,
                                 int query_heads, int head_dim, Pass pass, const Device& device) {
  const AttentionKernel& kernel = pass == Pass::forward ? device.forward : device.backward;
  double tile_s = tile_seconds(kernel, head_dim, pass, device.multiprocessors);
  if (std::any_of(slices.begin(), slices.end(),
                  [&](const Slice& slice) { return ragged(slice, kernel); })) {
    tile_s *= 1 + kernel.ragged_slowdown;
  }
  const Makespan makespan(kernel, tile_s, device.multiprocessors);
  std::vector<Blocks> stretches = blocks_of(slices, query_heads, pass, kernel);
  longest_first(stretches);
  Blocks all;
  double busy_s = 0;  // blocks among others take no less than by themselves, or with longer ones
  for (const Blocks& blocks : stretches) {
    all.add(blocks, static_cast<double>(documents));
    busy_s = std::max({busy_s, makespan.with_split(blocks), makespan.with_split(all)});
  }
  const double seconds = kernel.launch_s + busy_s;
  const double waves = all.count / device.multiprocessors;
  if (waves < 1) return {seconds, 0};
  return {seconds, seconds - busy_s / waves};
}

}  // namespace hsap
