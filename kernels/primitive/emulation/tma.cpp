#include "kernels/primitive/emulation/tma.hpp"

#include <cstring>
#include <string>

#include "kernels/primitive/emulation/mbarrier.hpp"
#include "kernels/primitive/swizzle.hpp"

namespace hsap {
namespace gpu {

using emulation::Block;
using emulation::current;

namespace {

TensorShape shape_of(const TensorMap& map) {
  TensorShape shape;
  static_assert(sizeof shape <= sizeof map.opaque);
  std::memcpy(&shape, map.opaque, sizeof shape);
  return shape;
}

/// Calls use(shared byte, device byte or null, bytes) for every 16 bytes of a box.
template <typename Use>
void for_each_chunk(const TensorShape& shape, std::byte* shared, int column, int head, int row,
                    Use use) {
  constexpr int chunk = 16;
  for (int r = 0; r < shape.box_rows; ++r) {
    for (std::uint32_t byte = 0; byte < swizzle_row_bytes; byte += chunk) {
      const int at = column + static_cast<int>(byte) / shape.element_bytes;
      const bool inside = row + r >= 0 && row + r < shape.rows && head >= 0 && head < shape.heads &&
                          at >= 0 && at < shape.columns;
      auto* device = static_cast<std::byte*>(shape.data) + (row + r) * shape.row_stride_bytes +
                     head * shape.head_stride_bytes + std::int64_t{at} * shape.element_bytes;
      use(shared + swizzle_128(static_cast<std::uint32_t>(r) * swizzle_row_bytes + byte),
          inside ? device : nullptr, chunk);
    }
  }
}

std::byte* box_in_shared(const TensorShape& shape, SharedAddress address, const char* what) {
  Block& block = *current().block;
  if (address % swizzle_atom_bytes != 0) {
    block.grid.fail(std::string(what) + ": shared address " + std::to_string(address) +
                    " is no multiple of 1,024");
  }
  return block.shared(address, static_cast<std::size_t>(shape.box_rows) * swizzle_row_bytes, what);
}

void leave(const TensorMap& map, SharedAddress from, int column, int head, int row, bool add) {
  const TensorShape shape = shape_of(map);
  std::byte* shared = box_in_shared(shape, from, "tma_store");
  Block& block = *current().block;
  block.check_fenced(from, static_cast<std::size_t>(shape.box_rows) * swizzle_row_bytes,
                     "tma_store");
  const auto store = std::make_shared<emulation::Deferred>();
  store->act = [=] {
    for_each_chunk(shape, shared, column, head, row, [&](const std::byte* s, std::byte* d, int n) {
      if (d == nullptr) return;
      if (!add) {
        std::memcpy(d, s, static_cast<std::size_t>(n));
        return;
      }
      for (int i = 0; i < n; i += 4) {
        float sum = 0;
        float more = 0;
        std::memcpy(&sum, d + i, 4);
        std::memcpy(&more, s + i, 4);
        sum += more;
        std::memcpy(d + i, &sum, 4);
      }
    });
  };
  current().stores.add(store);
  block.grid.defer(store);
}

}  // namespace

Result<TensorMap> make_tensor_map(const TensorShape& shape) {
  HSAP_CHECK(check(shape));
  TensorMap map;
  std::memcpy(map.opaque, &shape, sizeof shape);
  return map;
}

void tma_load(const TensorMap& map, SharedAddress to, SharedAddress barrier, int column, int head,
              int row) {
  const TensorShape shape = shape_of(map);
  std::byte* shared = box_in_shared(shape, to, "tma_load");
  const auto bytes = static_cast<std::size_t>(shape.box_rows) * swizzle_row_bytes;
  std::memset(shared, 0xff, bytes);
  Block* block = current().block;
  emulation::Mbarrier* at = &block->mbarriers[barrier];
  const auto load = std::make_shared<emulation::Deferred>();
  load->act = [=] {
    for_each_chunk(shape, shared, column, head, row, [](std::byte* s, const std::byte* d, int n) {
      if (d == nullptr) {
        std::memset(s, 0, static_cast<std::size_t>(n));
      } else {
        std::memcpy(s, d, static_cast<std::size_t>(n));
      }
    });
    at->bytes -= static_cast<std::int64_t>(bytes);
    block->barrier_progress(*at);
  };
  block->grid.defer(load);
}

void tma_store(const TensorMap& map, SharedAddress from, int column, int head, int row) {
  leave(map, from, column, head, row, false);
}
void tma_add(const TensorMap& map, SharedAddress from, int column, int head, int row) {
  leave(map, from, column, head, row, true);
}

}  // namespace gpu
}  // namespace hsap
