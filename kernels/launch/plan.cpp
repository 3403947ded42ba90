#include "kernels/launch/plan.hpp"

#include <cstring>
#include <limits>
#include <string>

namespace hsap::kernels {
namespace {

Status check(const AttentionShape& shape) {
  if (shape.head_dim != 64 && shape.head_dim != 128) {
    return bad_input("no attention kernel has this head_dim", std::to_string(shape.head_dim),
                     "64 or 128");
  }
  const bool grouped = shape.heads >= 1 && shape.heads_per_key_head >= 1 &&
                       shape.head_offset >= 0 && shape.head_offset < shape.heads_per_key_head;
  if (!grouped ||
      shape.key_heads <= (shape.heads - 1 + shape.head_offset) / shape.heads_per_key_head) {
    return bad_input("query heads do not fit to the key heads",
                     std::to_string(shape.heads) + " from " + std::to_string(shape.head_offset) +
                         " on, " + std::to_string(shape.heads_per_key_head) + " to a key head",
                     "at most " + std::to_string(shape.key_heads) + " key heads");
  }
  return {};
}

/// Appends the bytes of a list and says where they begin.
template <typename T>
std::size_t append(std::vector<std::byte>& bytes, const std::vector<T>& list) {
  const std::size_t begin = bytes.size();
  bytes.resize(begin + list.size() * sizeof(T));
  if (!list.empty()) std::memcpy(bytes.data() + begin, list.data(), list.size() * sizeof(T));
  return begin;
}

}  // namespace

std::int64_t units(const AttentionPlan& plan) {
  const int heads = plan.pass == Pass::forward ? plan.shape.heads : plan.shape.key_heads;
  return std::int64_t{plan.tiles} * heads;
}

Result<AttentionPlan> make_plan(Pass pass, const AttentionShape& shape, const TileShape& tile,
                                std::span<const Slice> slices) {
  HSAP_CHECK(check(shape));
  const bool forward = pass == Pass::forward;
  HSAP_TRY(const TileList list, make_tiles(slices, forward ? Side::query : Side::key,
                                           forward ? shape.query_rows : shape.key_rows,
                                           forward ? shape.key_rows : shape.query_rows, tile));
  AttentionPlan plan;
  plan.pass = pass;
  plan.shape = shape;
  plan.tiles = static_cast<std::int32_t>(list.tiles.size());
  append(plan.bytes, list.tiles);
  plan.runs_at = append(plan.bytes, list.runs);
  plan.bands_at = append(plan.bytes, list.bands);
  // Blocks that find nothing left have counted on, too.
  constexpr std::int64_t most_blocks = 1 << 16;
  if (units(plan) > std::numeric_limits<std::int32_t>::max() - most_blocks) {
    return bad_input("too many tiles for one launch", std::to_string(units(plan)));
  }
  return plan;
}

Work work_of(const AttentionPlan& plan, const void* bytes, void* workspace, float scale) {
  const auto* begin = static_cast<const std::byte*>(bytes);
  Work work;
  work.tiles = {reinterpret_cast<const Tile*>(begin),
                reinterpret_cast<const Run*>(begin + plan.runs_at),
                reinterpret_cast<const Band*>(begin + plan.bands_at), plan.tiles};
  work.query_rows = plan.shape.query_rows;
  work.key_rows = plan.shape.key_rows;
  work.heads = plan.shape.heads;
  work.key_heads = plan.shape.key_heads;
  work.heads_per_key_head = plan.shape.heads_per_key_head;
  work.head_offset = plan.shape.head_offset;
  work.scale = scale;
  work.next = static_cast<std::int32_t*>(workspace);
  return work;
}

}  // namespace hsap::kernels
