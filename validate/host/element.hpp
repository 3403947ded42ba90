#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hsap/execute.hpp"
#include "kernels/primitive/bfloat16.hpp"

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

/// Reads `count` numbers into an array of T, and writes them back rounded to the element.
template <typename T>
void load(Element element, const std::byte* from, std::size_t count, T* to) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* place = from + i * bytes_of(element);
    if (element == Element::bf16) {
      gpu::Bfloat16 value;
      std::memcpy(&value, place, sizeof value);
      to[i] = static_cast<T>(gpu::to_float(value));
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
      const gpu::Bfloat16 value = gpu::to_bfloat16(static_cast<float>(from[i]));
      std::memcpy(place, &value, sizeof value);
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
