#pragma once

#include <cuda_bf16.h>

#include <cstddef>
#include <cstdint>

#include "kernels/primitive/bfloat16.hpp"

/// Shared memory by address, device memory by pointer, and the few functions of the hardware.
namespace hsap::gpu {

using SharedAddress = std::uint32_t;
using ::float2;

struct alignas(16) Vector4 {
  std::uint32_t words[4];
};

/// Dynamic shared memory of the block. Launches ask for 1,024 bytes more than they need, because it
/// may begin off the atom of the swizzle.
HSAP_DEVICE SharedAddress shared_base() {
  extern __shared__ std::byte hsap_shared[];
  const auto begin = static_cast<SharedAddress>(__cvta_generic_to_shared(hsap_shared));
  return (begin + 1023u) & ~1023u;
}

template <typename T>
HSAP_DEVICE T load_shared(SharedAddress address) {
  return *static_cast<const volatile T*>(__cvta_shared_to_generic(address));
}
template <>
HSAP_DEVICE float2 load_shared<float2>(SharedAddress address) {
  float2 value;
  asm volatile("ld.shared.v2.f32 {%0, %1}, [%2];"
               : "=f"(value.x), "=f"(value.y)
               : "r"(address)
               : "memory");
  return value;
}
template <>
HSAP_DEVICE Vector4 load_shared<Vector4>(SharedAddress address) {
  Vector4 value;
  asm volatile("ld.shared.v4.b32 {%0, %1, %2, %3}, [%4];"
               : "=r"(value.words[0]), "=r"(value.words[1]), "=r"(value.words[2]),
                 "=r"(value.words[3])
               : "r"(address)
               : "memory");
  return value;
}

HSAP_DEVICE void store_shared(SharedAddress address, std::uint32_t value) {
  asm volatile("st.shared.b32 [%0], %1;" ::"r"(address), "r"(value) : "memory");
}
HSAP_DEVICE void store_shared(SharedAddress address, int value) {
  store_shared(address, static_cast<std::uint32_t>(value));
}
HSAP_DEVICE void store_shared(SharedAddress address, float value) {
  store_shared(address, __float_as_uint(value));
}
HSAP_DEVICE void store_shared(SharedAddress address, const Vector4& value) {
  asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(address), "r"(value.words[0]),
               "r"(value.words[1]), "r"(value.words[2]), "r"(value.words[3])
               : "memory");
}

/// Makes this thread's writes to shared memory visible to wgmma and TMA, once a barrier has told
/// whoever issues those.
HSAP_DEVICE void fence_async_proxy() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

/// Two bf16 in a register, `low` in the lower half.
HSAP_DEVICE std::uint32_t pack_bfloat16(float low, float high) {
  std::uint32_t packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
}

/// Two neighbouring numbers of device memory, aligned to their size.
HSAP_DEVICE float2 load_pair(const float* from) { return *reinterpret_cast<const float2*>(from); }
HSAP_DEVICE float2 load_pair(const Bfloat16* from) {
  const std::uint32_t word = *reinterpret_cast<const std::uint32_t*>(from);
  return {__uint_as_float(word << 16), __uint_as_float(word & 0xffff0000u)};
}
HSAP_DEVICE void store_pair(float* to, float first, float second) {
  *reinterpret_cast<float2*>(to) = {first, second};
}
HSAP_DEVICE void store_pair(Bfloat16* to, float first, float second) {
  *reinterpret_cast<std::uint32_t*>(to) = pack_bfloat16(first, second);
}

/// 16 bytes of device memory, aligned to 16.
HSAP_DEVICE Vector4 load_vector(const void* from) {
  const uint4 words = *static_cast<const uint4*>(from);
  return {{words.x, words.y, words.z, words.w}};
}
HSAP_DEVICE void store_vector(void* to, const Vector4& value) {
  *static_cast<uint4*>(to) = {value.words[0], value.words[1], value.words[2], value.words[3]};
}

HSAP_DEVICE int atomic_add(int* counter, int value) { return atomicAdd(counter, value); }

/// Adds two neighbouring numbers; `address` is aligned to 8 bytes.
HSAP_DEVICE void atomic_add2(float* address, float first, float second) {
#if __CUDA_ARCH__ >= 900
  asm volatile("red.relaxed.gpu.global.add.v2.f32 [%0], {%1, %2};" ::"l"(address), "f"(first),
               "f"(second)
               : "memory");
#else
  atomicAdd(address, first);
  atomicAdd(address + 1, second);
#endif
}

/// The larger of two numbers, in one instruction.
HSAP_DEVICE float larger(float a, float b) { return fmaxf(a, b); }

/// 2^x and log2(x), to about 2 units in the last place. exp2(-inf) = 0.
HSAP_DEVICE float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
HSAP_DEVICE float log2_fast(float x) {
  float y;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

}  // namespace hsap::gpu
