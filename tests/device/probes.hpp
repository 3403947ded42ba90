#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "device/probe.hpp"
#include "device/tensor_probes.hpp"
#include "kernels/primitive/primitive.hpp"

/// Small kernels that use every primitive once, with the answers worked out on the host. They run
/// under the emulation and on a GPU: where both give the answer, the emulation is to be believed.
namespace test {

/// The way of a tile between shared memory and the registers of a warp.
struct StoreMatricesProbe {
  static constexpr int threads = gpu::warp_size;
  static constexpr double tolerance = 0;
  static std::string name() { return "stmatrix"; }

  HSAP_DEVICE static void run(const ProbeArguments& on) {
    const gpu::SharedAddress base = gpu::shared_base();
    const int lane = gpu::lane_index();
    // Matrix m, element (i, j) of each: the number 64 m + 8 i + j, exact in bf16.
    std::uint32_t words[4];
    HSAP_UNROLL
    for (int m = 0; m < 4; ++m) {
      const float number = static_cast<float>(64 * m + 2 * lane);
      words[m] = gpu::pack_bfloat16(number, number + 1);
    }
    gpu::store_matrices(base + 16 * lane, words);
    gpu::store_matrices_crossed(base + 512 + 16 * lane, words);
    gpu::sync_warp();
    for (int copy = 0; copy < 2; ++copy) {
      for (int i = 0; i < 4; ++i) {
        const auto word = gpu::load_shared<std::uint32_t>(base + 512 * copy + 16 * lane + 4 * i);
        out_at(on, 32 * copy + lane, 2 * i) =
            to_float(gpu::Bfloat16{static_cast<std::uint16_t>(word & 0xffff)});
        out_at(on, 32 * copy + lane, 2 * i + 1) =
            to_float(gpu::Bfloat16{static_cast<std::uint16_t>(word >> 16)});
      }
    }
  }

  static double expected(const ProbeInputs&, int row, int column) {
    if (row >= 64 || column >= 8) return untouched;
    const int matrix = row % 32 / 8 * 64;
    return row < 32 ? matrix + row % 8 * 8 + column : matrix + column * 8 + row % 8;
  }
};

/// cp.async, ldmatrix both ways, and mma: A B with B from its rows, and from its columns. Rows of
/// 16 numbers; those of a from the 8th on are left out, and count as zeros.
struct MmaProbe {
  static constexpr int threads = gpu::warp_size;
  static constexpr double tolerance = 1e-5;
  static std::string name() { return "cp.async, ldmatrix and mma"; }

  HSAP_DEVICE static void run(const ProbeArguments& on) {
    const gpu::SharedAddress base = gpu::shared_base();
    const int lane = gpu::lane_index();
    const int row = lane % 16;
    const int half = lane / 16;
    gpu::copy_async(base + row * 32 + half * 16, on.a + row * probe_size + 8 * half, row < 8);
    gpu::copy_async_commit();
    gpu::copy_async(base + 512 + row * 32 + half * 16, on.b + row * probe_size + 8 * half, true);
    gpu::copy_async_commit();
    gpu::copy_async_wait<0>();
    gpu::sync_warp();
    std::uint32_t a[4];
    std::uint32_t rows[4];
    std::uint32_t columns[4];
    gpu::load_matrices(a, base + row * 32 + half * 16);
    // Matrices of columns 0-7 and 8-15 (k) of the first eight rows (n).
    gpu::load_matrices(rows, base + 512 + lane % 8 * 32 + lane / 8 % 2 * 16);
    // Matrices of rows 0-7 and 8-15 (k), the first eight columns (n).
    gpu::load_matrices_crossed(columns, base + 512 + row * 32);
    float first[4] = {1, 1, 1, 1};
    float second[4] = {2, 2, 2, 2};
    gpu::mma(first, a, rows[0], rows[1]);
    gpu::mma(second, a, columns[0], columns[1]);
    for (int i = 0; i < 4; ++i) {
      const gpu::Place at = gpu::accumulator_place(lane, i);
      out_at(on, at.row, at.column) = first[i];
      out_at(on, at.row, 8 + at.column) = second[i];
    }
  }

  static double expected(const ProbeInputs& in, int row, int column) {
    if (row >= 16 || column >= 16) return untouched;
    double sum = column < 8 ? 1 : 2;
    for (int k = 0; k < 16 && row < 8; ++k) {
      sum += in.a(row, k) * (column < 8 ? in.b(column, k) : in.b(k, column - 8));
    }
    return sum;
  }
};

/// Shuffles, warp numbers and named barriers between two halves of the block.
struct ThreadsProbe {
  static constexpr int threads = 256;
  static constexpr double tolerance = 0;
  static std::string name() { return "shuffles and named barriers"; }

  HSAP_DEVICE static void run(const ProbeArguments& on) {
    const gpu::SharedAddress base = gpu::shared_base();
    const int thread = gpu::thread_index();
    const int place = thread % 128;
    const int half = thread / 128;
    out_at(on, half, place) = static_cast<float>(gpu::shuffle_xor(thread, 5));
    out_at(on, 2 + half, place) = static_cast<float>(gpu::shuffle(thread, 7));
    out_at(on, 4 + half, place) = static_cast<float>(gpu::warp_index());
    if (half == 0) {
      gpu::store_shared(base + 4 * place, 3 * place);
      gpu::named_barrier_arrive(1, threads);
    } else {
      gpu::named_barrier_sync(1, threads);
      out_at(on, 6, place) = static_cast<float>(gpu::load_shared<int>(base + 4 * (127 - place)));
    }
    gpu::sync_block();
  }

  static double expected(const ProbeInputs&, int row, int column) {
    const int thread = row % 2 * 128 + column;
    if (row < 2) return thread ^ 5;
    if (row < 4) return thread / 32 * 32 + 7;
    if (row < 6) return thread / 32;
    return row == 6 ? 3 * (127 - column) : untouched;
  }
};

/// One thread hands numbers to four warps through a ring of two places.
struct RingProbe {
  static constexpr int threads = 160;
  static constexpr double tolerance = 0;
  static constexpr int items = 21;
  static std::string name() { return "mbarrier ring"; }

  HSAP_DEVICE static void run(const ProbeArguments& on) {
    const gpu::SharedAddress base = gpu::shared_base();
    const gpu::SharedAddress full = base + barriers_at;
    const gpu::SharedAddress empty = full + 16;
    if (gpu::thread_index() == 0) {
      for (int i = 0; i < 2; ++i) {
        gpu::mbarrier_init(full + 8 * i, 1);
        gpu::mbarrier_init(empty + 8 * i, 4);
      }
      gpu::fence_mbarrier_init();
    }
    gpu::sync_block();
    if (gpu::warp_index() == 4) {
      if (gpu::lane_index() == 0) produce(base, full, empty);
      return;
    }
    for (int i = 0; i < items; ++i) {
      const int place = i % 2;
      gpu::mbarrier_wait(full + 8 * place, i / 2 % 2);
      out_at(on, i, gpu::thread_index()) =
          static_cast<float>(gpu::load_shared<int>(base + 4 * place));
      gpu::sync_warp();
      if (gpu::lane_index() == 0) gpu::mbarrier_arrive(empty + 8 * place);
    }
  }

  HSAP_DEVICE static void produce(gpu::SharedAddress base, gpu::SharedAddress full,
                                  gpu::SharedAddress empty) {
    for (int i = 0; i < items; ++i) {
      const int place = i % 2;
      gpu::mbarrier_wait(empty + 8 * place, i / 2 % 2 ^ 1);
      gpu::store_shared(base + 4 * place, 100 + i);
      gpu::mbarrier_arrive(full + 8 * place);
    }
  }

  static double expected(const ProbeInputs&, int row, int) {
    return row < items ? 100 + row : untouched;
  }
};

/// Loads and stores of every width, rounding, and atomics. A row of `out` each.
struct MemoryProbe {
  static constexpr int threads = 128;
  static constexpr double tolerance = 0;
  static std::string name() { return "loads, stores and atomics"; }

  HSAP_DEVICE static void run(const ProbeArguments& on) {
    const gpu::SharedAddress base = gpu::shared_base();
    const int t = gpu::thread_index();
    if (t < 64) {
      const gpu::float2 pair = gpu::load_pair(on.a + 2 * t);
      gpu::store_pair(on.out + 2 * t, pair.x, pair.y);
      const std::uint32_t word = gpu::pack_bfloat16(pair.x * 3, pair.y * 3);
      gpu::store_shared(base + 4 * t, word);
      gpu::store_shared(base + 1024 + 8 * t, pair.x);
      gpu::store_shared(base + 1024 + 8 * t + 4, pair.y);
      const gpu::float2 again = gpu::load_shared<gpu::float2>(base + 1024 + 8 * t);
      gpu::store_pair(&out_at(on, 1, 2 * t), again.y, again.x);
    }
    gpu::sync_block();
    if (t < 16) {
      const gpu::Vector4 vector = gpu::load_shared<gpu::Vector4>(base + 16 * t);
      gpu::store_shared(base + 4096 + 16 * t, vector);
      const gpu::Vector4 same = gpu::load_shared<gpu::Vector4>(base + 4096 + 16 * t);
      for (int i = 0; i < 8; ++i) {
        const auto bits = static_cast<std::uint16_t>(same.words[i / 2] >> (i % 2 * 16));
        out_at(on, 2, 8 * t + i) = to_float(gpu::Bfloat16{bits});
      }
    }
    if (t < 32) gpu::store_vector(&out_at(on, 3, 4 * t), gpu::load_vector(on.a + 8 * (t / 2)));
    // Small whole numbers, whose sum does not depend on the order.
    gpu::atomic_add2(&out_at(on, 4, 2 * (t % 4)), 1, static_cast<float>(t));
    const int before = gpu::atomic_add(on.counter, 1);
    out_at(on, 5, before) = static_cast<float>(gpu::block_count());
  }

  static double expected(const ProbeInputs& in, int row, int column) {
    switch (row) {
      case 0:
        return in.a(0, column);
      case 1:
        return in.a(0, column ^ 1);
      case 2:
        return to_float(gpu::to_bfloat16(static_cast<float>(in.a(0, column)) * 3));
      case 3: {
        // Two bf16 read as one fp32.
        const int word = 8 * (column / 8) + 2 * (column % 4);
        const auto bits = [&](int i) {
          return static_cast<std::uint32_t>(in.a_values[static_cast<std::size_t>(i)].bits);
        };
        return std::bit_cast<float>(bits(word + 1) << 16 | bits(word));
      }
      case 4:
        if (column >= 8) return untouched;
        return untouched + (column % 2 == 0 ? 32 : 32 * (column / 2) + 4 * 496);
      case 5:
        return 1;
      default:
        return untouched;
    }
  }
};

/// The fast functions, relative to the exact ones.
struct MathProbe {
  static constexpr int threads = 128;
  static constexpr double tolerance = 1e-6;
  static std::string name() { return "exp2 and log2"; }

  HSAP_DEVICE static void run(const ProbeArguments& on) {
    const int t = gpu::thread_index();
    const float x = to_float(on.a[t]);
    out_at(on, 0, t) = gpu::exp2_fast(4 * x);
    out_at(on, 1, t) = gpu::log2_fast(1000 + 8 * x);
    out_at(on, 2, t) = gpu::exp2_fast(-__builtin_inff());
  }

  static double expected(const ProbeInputs& in, int row, int column) {
    if (row == 0) return std::exp2(4 * in.a(0, column));
    if (row == 1) return std::log2(1000 + 8 * in.a(0, column));
    return row == 2 ? 0 : untouched;
  }
};

template <typename Start, typename... Kernels>
std::vector<Probe> probes_of() {
  return {Probe{Kernels::name(), Kernels::tolerance, Start::template start<Kernels>,
                Kernels::expected}...};
}

/// Those of sm_80 and later.
template <typename Start>
std::vector<Probe> portable_probes() {
  return probes_of<Start, ThreadsProbe, MemoryProbe, MathProbe, MmaProbe>();
}

template <typename Start, Left A, gpu::Operand B>
void append_wgmma(std::vector<Probe>& list) {
  for (Probe& probe :
       probes_of<Start, WgmmaProbe<A, B, 32>, WgmmaProbe<A, B, 64>, WgmmaProbe<A, B, 128>>()) {
    list.push_back(probe);
  }
}

/// Those of sm_90a.
template <typename Start>
std::vector<Probe> hopper_probes() {
  using gpu::Operand;
  auto list = probes_of<Start, RingProbe, TmaLoadProbe, TmaStoreProbe, StoreMatricesProbe>();
  append_wgmma<Start, Left::contracted, Operand::contracted>(list);
  append_wgmma<Start, Left::contracted, Operand::crossed>(list);
  append_wgmma<Start, Left::crossed, Operand::contracted>(list);
  append_wgmma<Start, Left::crossed, Operand::crossed>(list);
  append_wgmma<Start, Left::registers, Operand::contracted>(list);
  append_wgmma<Start, Left::registers, Operand::crossed>(list);
  return list;
}

}  // namespace test
