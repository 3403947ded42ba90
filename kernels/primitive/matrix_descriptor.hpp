#pragma once

#include <cstdint>

#include "kernels/primitive/swizzle.hpp"

/// Matrix descriptors: how wgmma finds an operand in shared memory.
/// Source: PTX ISA, "Matrix descriptor format" of wgmma.
namespace hsap::gpu {

/// 64 bits: address / 16 in bits 0-13, leading offset / 16 in 16-29, stride offset / 16 in 32-45,
/// the swizzle in 62-63 (1 = 128 bytes). Tiles begin at multiples of 1,024 bytes, so the base
/// offset (49-51) stays 0.
using MatrixDescriptor = std::uint64_t;

/// Both kinds describe bf16 tiles in panels of 64 columns (128 bytes), swizzled:
///   contracted  the contracted dimension (k) runs along a row. A step of 16 in k is 32 bytes
///               inside the panel; 8 more rows of m or n are 1,024 bytes on (stride offset)
///   crossed     m or n runs along a row, k from row to row ("transposed"). A step of 16 in k is
///               2,048 bytes; 8 more k are 1,024 bytes on (stride offset), the next 64 of m or n
///               one panel on (leading offset)
HSAP_SHARED MatrixDescriptor matrix_descriptor(std::uint32_t address, std::uint32_t leading_bytes,
                                               std::uint32_t stride_bytes) {
  return static_cast<std::uint64_t>((address & 0x3ffff) >> 4) |
         static_cast<std::uint64_t>(leading_bytes >> 4) << 16 |
         static_cast<std::uint64_t>(stride_bytes >> 4) << 32 | std::uint64_t{1} << 62;
}

/// The descriptor of what is `bytes` further on. Only bits 0-13 change within shared memory; so
/// said, the compiler encodes a tile once and adds a constant for each product.
HSAP_SHARED MatrixDescriptor further(MatrixDescriptor descriptor, std::uint32_t bytes) {
  return descriptor >> 32 << 32 | (static_cast<std::uint32_t>(descriptor) + (bytes >> 4));
}

/// k along the rows, at `k` (a multiple of 16) of a tile of `rows` rows, from row `row`
/// (a multiple of 8) on.
HSAP_SHARED MatrixDescriptor contracted_operand(std::uint32_t tile, int rows, int row, int k) {
  const std::uint32_t panel = k / 64;
  return further(matrix_descriptor(tile + row * swizzle_row_bytes, 16, swizzle_atom_bytes),
                 panel * rows * swizzle_row_bytes + k % 64 * 2);
}

/// k from row to row, at row `k` (a multiple of 16) of a tile of `rows` rows, from column `column`
/// (a multiple of 32) on.
HSAP_SHARED MatrixDescriptor crossed_operand(std::uint32_t tile, int rows, int column, int k) {
  const std::uint32_t panel_bytes = rows * swizzle_row_bytes;
  return further(matrix_descriptor(tile + column / 64 * panel_bytes + column % 64 * 2, panel_bytes,
                                   swizzle_atom_bytes),
                 k * swizzle_row_bytes);
}

/// What a descriptor says, for the emulation.
struct DecodedDescriptor {
  std::uint32_t address;
  std::uint32_t leading_bytes;
  std::uint32_t stride_bytes;
  int swizzle;
};

HSAP_SHARED DecodedDescriptor decode(MatrixDescriptor descriptor) {
  return {static_cast<std::uint32_t>(descriptor & 0x3fff) << 4,
          static_cast<std::uint32_t>(descriptor >> 16 & 0x3fff) << 4,
          static_cast<std::uint32_t>(descriptor >> 32 & 0x3fff) << 4,
          static_cast<int>(descriptor >> 62)};
}

}  // namespace hsap::gpu
