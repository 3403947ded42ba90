#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hsap/execute.hpp"

namespace hsap::host {

/// How a number lies in memory.
enum class Element : std::uint8_t { bf16, fp32, fp64 };

[[nodiscard]] constexpr std::size_t bytes_of(Element element) {
  return element == Element::bf16 ? 2 : element == Element::fp32 ? 4 : 8;
}

[[nodiscard]] constexpr Element element_of(Dtype dtype, Arithmetic arithmetic) {
  if (arithmetic == Arithmetic::fp64) return Element::fp64;
  return dtype == Dtype::bf16 ? Element::bf16 : Element::fp32;
}

/// The upper half of a float32, rounded to nearest, ties to even. Infinities and NaN stay.
[[nodiscard]] inline std::uint16_t to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>((bits >> 16) | 0x40);
  return static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

[[nodiscard]] inline float from_bf16(std::uint16_t value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16);
}

/// Reads `count` numbers into an array of T, and writes them back rounded to the element.
template <typename T>
void load(Element element, const std::byte* from, std::size_t count, T* to) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* place = from + i * bytes_of(element);
    if (element == Element::bf16) {
      std::uint16_t bits = 0;
      std::memcpy(&bits, place, sizeof bits);
      to[i] = static_cast<T>(from_bf16(bits));
    } else if (element == Element::fp32) {
      float value = 0;
      std::memcpy(&value, place, sizeof value);
      to[i] = static_cast<T>(value);
    } else {
      double value = 0;
      std::memcpy(&value, place, sizeof value);
      to[i] = static_cast<T>(value);
    }
  }
}

template <typename T>
void store(Element element, const T* from, std::size_t count, std::byte* to) {
  for (std::size_t i = 0; i < count; ++i) {
    std::byte* place = to + i * bytes_of(element);
    if (element == Element::bf16) {
      const std::uint16_t bits = to_bf16(static_cast<float>(from[i]));
      std::memcpy(place, &bits, sizeof bits);
    } else if (element == Element::fp32) {
      const auto value = static_cast<float>(from[i]);
      std::memcpy(place, &value, sizeof value);
    } else {
      const auto value = static_cast<double>(from[i]);
      std::memcpy(place, &value, sizeof value);
    }
  }
}

}  // namespace hsap::host
