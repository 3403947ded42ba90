#pragma once

/// What a function of a kernel is on either back end.
///   HSAP_DEVICE  runs in a thread of a kernel: on the GPU, or as a fiber of the emulation
///   HSAP_SHARED  runs in both and on the plain host: maps and mathematics, tested by themselves
#ifdef __CUDACC__
#define HSAP_DEVICE __device__ __forceinline__
#define HSAP_SHARED __host__ __device__ constexpr
#define HSAP_UNROLL _Pragma("unroll")
#define HSAP_UNROLL_TWICE _Pragma("unroll 2")
#else
#define HSAP_DEVICE inline
#define HSAP_SHARED constexpr
#define HSAP_UNROLL
#define HSAP_UNROLL_TWICE
#endif
