#pragma once

#include <cstdint>

#include "kernels/primitive/qualifiers.hpp"

/// The 128-byte swizzle of shared memory that TMA writes and wgmma reads: within 1,024 bytes (8
/// rows of 128) the 16-byte chunk number is xor-ed with the row number, so that the same chunk of 8
/// rows lies in 8 different groups of banks. Source: PTX ISA, "Swizzling modes" of tensor copies.
namespace hsap::gpu {

inline constexpr std::uint32_t swizzle_row_bytes = 128;
inline constexpr std::uint32_t swizzle_atom_bytes = 1024;

/// Where the byte at `offset` lies; `offset` counts from a multiple of 1,024.
HSAP_SHARED std::uint32_t swizzle_128(std::uint32_t offset) {
  return offset ^ ((offset >> 3) & 0x70);
}

/// Byte offset of (row, column) in a tile of `rows` rows whose columns lie in panels of 128 bytes,
/// panel after panel: what TMA makes of boxes that are 128 bytes wide.
HSAP_SHARED std::uint32_t panel_offset(int rows, int row, int column_bytes) {
  const std::uint32_t panel = column_bytes / swizzle_row_bytes;
  const std::uint32_t inside = column_bytes % swizzle_row_bytes;
  return panel * rows * swizzle_row_bytes + swizzle_128(row * swizzle_row_bytes + inside);
}

}  // namespace hsap::gpu
