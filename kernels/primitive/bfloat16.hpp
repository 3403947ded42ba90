#pragma once

#include <bit>
#include <cstdint>

#include "kernels/primitive/qualifiers.hpp"

namespace hsap::gpu {

/// The bits of a bf16: the upper half of a float32.
struct Bfloat16 {
  std::uint16_t bits = 0;
};

HSAP_SHARED float to_float(Bfloat16 value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}

/// Rounded to nearest, ties to even. NaN stays NaN.
HSAP_SHARED Bfloat16 to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return {static_cast<std::uint16_t>(bits >> 16 | 0x40)};
  return {static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

}  // namespace hsap::gpu
