#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/primitive/bfloat16.hpp"
#include "kernels/primitive/emulation/block.hpp"

namespace hsap::gpu {

using SharedAddress = std::uint32_t;

struct float2 {  // NOLINT(readability-identifier-naming): CUDA's name
  float x = 0;
  float y = 0;
};

struct alignas(16) Vector4 {
  std::uint32_t words[4];
};

inline SharedAddress shared_base() { return 0; }

template <typename T>
T load_shared(SharedAddress address) {
  T value;
  std::memcpy(&value, emulation::current().block->shared(address, sizeof value, "load"),
              sizeof value);
  return value;
}

template <typename T>
void store_shared(SharedAddress address, const T& value) {
  emulation::Block& block = *emulation::current().block;
  std::memcpy(block.shared(address, sizeof value, "store"), &value, sizeof value);
  block.wrote(address, sizeof value);
}

inline void fence_async_proxy() { emulation::current().block->fence_async(); }

inline std::uint32_t pack_bfloat16(float low, float high) {
  return static_cast<std::uint32_t>(to_bfloat16(high).bits) << 16 | to_bfloat16(low).bits;
}

inline float2 load_pair(const float* from) { return {from[0], from[1]}; }
inline float2 load_pair(const Bfloat16* from) { return {to_float(from[0]), to_float(from[1])}; }
inline void store_pair(float* to, float first, float second) {
  to[0] = first;
  to[1] = second;
}
inline void store_pair(Bfloat16* to, float first, float second) {
  to[0] = to_bfloat16(first);
  to[1] = to_bfloat16(second);
}

/// Fails where the hardware would: at addresses that are no multiple of 16.
inline void check_vector(const void* address) {
  if (reinterpret_cast<std::uintptr_t>(address) % sizeof(Vector4) != 0) {
    emulation::current().block->grid.fail("16 bytes of device memory at a misaligned address");
  }
}
inline Vector4 load_vector(const void* from) {
  check_vector(from);
  Vector4 value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
inline void store_vector(void* to, const Vector4& value) {
  check_vector(to);
  std::memcpy(to, &value, sizeof value);
}

inline int atomic_add(int* counter, int value) {
  const int before = *counter;
  *counter += value;
  return before;
}

inline void atomic_add2(float* address, float first, float second) {
  address[0] += first;
  address[1] += second;
}

inline float larger(float a, float b) { return std::fmax(a, b); }
inline float exp2_fast(float x) { return std::exp2(x); }
inline float log2_fast(float x) { return std::log2(x); }

}  // namespace hsap::gpu
