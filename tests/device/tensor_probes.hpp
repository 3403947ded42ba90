#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "device/probe.hpp"
#include "kernels/primitive/primitive.hpp"

/// Probes of what Hopper has: TMA and products of a warpgroup.
namespace test {

inline constexpr std::uint32_t b_at = 32768;  ///< in shared memory; a lies at 0
inline constexpr std::uint32_t numbers_at = 65536;
inline constexpr std::uint32_t barriers_at = numbers_at + 4096;
inline constexpr std::uint32_t probe_shared_bytes = barriers_at + 64;

HSAP_DEVICE float& out_at(const ProbeArguments& on, int row, int column) {
  return on.out[row * probe_size + column];
}

/// Loads a and b whole.
HSAP_DEVICE void load_both(const ProbeArguments& on, gpu::SharedAddress base) {
  const gpu::SharedAddress barrier = base + barriers_at;
  if (gpu::thread_index() == 0) {
    gpu::mbarrier_init(barrier, 1);
    gpu::fence_mbarrier_init();
    gpu::mbarrier_arrive_expect(barrier, 65536);
    for (int panel = 0; panel < 2; ++panel) {
      gpu::tma_load(on.a_map, base + 16384 * panel, barrier, 64 * panel, 0, 0);
      gpu::tma_load(on.b_map, base + b_at + 16384 * panel, barrier, 64 * panel, 0, 0);
    }
  }
  gpu::sync_block();
  gpu::mbarrier_wait(barrier, 0);
}

enum class Left { contracted, crossed, registers };

/// D = 1 + A B over 128 in k. A is a from row 64 on, or crossed from column 64 on; B is b crossed
/// or not, from the 32nd of 128 on where it has 32 columns.
template <Left A, gpu::Operand B, int Columns>
struct WgmmaProbe {
  static constexpr int threads = gpu::warpgroup_size;
  static constexpr double tolerance = 1e-4;
  static constexpr int first = Columns == 32 ? 32 : 0;

  static std::string name() {
    const char* const left = A == Left::registers ? "registers"
                             : A == Left::crossed ? "crossed"
                                                  : "contracted";
    return std::string("wgmma ") + left + " x " +
           (B == gpu::Operand::crossed ? "crossed" : "contracted") + ", " +
           std::to_string(Columns) + " columns";
  }

  HSAP_DEVICE static gpu::MatrixDescriptor right(gpu::SharedAddress base, int k) {
    if constexpr (B == gpu::Operand::crossed) {
      return gpu::crossed_operand(base + b_at, probe_size, first, k);
    } else {
      return gpu::contracted_operand(base + b_at, probe_size, first, k);
    }
  }

  HSAP_DEVICE static void multiply(const ProbeArguments& on, gpu::SharedAddress base,
                                   float (&d)[Columns / 2]) {
    constexpr int steps = probe_size / 16;
    if constexpr (A == Left::registers) {
      std::uint32_t a[steps][4];
      HSAP_UNROLL
      for (int step = 0; step < steps; ++step) {
        HSAP_UNROLL
        for (int i = 0; i < 4; ++i) {
          const gpu::Place at = gpu::operand_a_place(gpu::thread_index(), i, 0);
          const gpu::float2 pair =
              gpu::load_pair(on.a + (64 + at.row) * probe_size + 16 * step + at.column);
          a[step][i] = gpu::pack_bfloat16(pair.x, pair.y);
        }
      }
      gpu::wgmma_fence();
      HSAP_UNROLL
      for (int step = 0; step < steps; ++step) {
        gpu::wgmma<B>(d, a[step], right(base, 16 * step), true);
      }
      gpu::wgmma_commit();
      gpu::wgmma_wait<0>();
    } else {
      constexpr auto left = A == Left::crossed ? gpu::Operand::crossed : gpu::Operand::contracted;
      gpu::wgmma_fence();
      HSAP_UNROLL
      for (int k = 0; k < probe_size; k += 16) {
        gpu::wgmma<left, B>(d,
                            A == Left::crossed ? gpu::crossed_operand(base, probe_size, 64, k)
                                               : gpu::contracted_operand(base, probe_size, 64, k),
                            right(base, k), true);
      }
      gpu::wgmma_commit();
      gpu::wgmma_wait<0>();
    }
    gpu::hold_registers(d);
  }

  HSAP_DEVICE static void run(const ProbeArguments& on) {
    const gpu::SharedAddress base = gpu::shared_base();
    load_both(on, base);
    float d[Columns / 2];
    HSAP_UNROLL
    for (int i = 0; i < Columns / 2; ++i) d[i] = 1;
    multiply(on, base, d);
    HSAP_UNROLL
    for (int i = 0; i < Columns / 2; ++i) {
      const gpu::Place at = gpu::accumulator_place(gpu::thread_index(), i);
      out_at(on, at.row, at.column) = d[i];
    }
  }

  static double expected(const ProbeInputs& in, int row, int column) {
    if (row >= 64 || column >= Columns) return untouched;
    double sum = 1;
    for (int k = 0; k < probe_size; ++k) {
      const double left = A == Left::crossed ? in.a(k, 64 + row) : in.a(64 + row, k);
      const double right =
          B == gpu::Operand::crossed ? in.b(k, first + column) : in.b(first + column, k);
      sum += left * right;
    }
    return sum;
  }
};

/// A box that hangs over the end of a, read through the swizzle.
struct TmaLoadProbe {
  static constexpr int threads = 128;
  static constexpr double tolerance = 0;
  static std::string name() { return "TMA load over the end"; }

  HSAP_DEVICE static void run(const ProbeArguments& on) {
    const gpu::SharedAddress base = gpu::shared_base();
    const gpu::SharedAddress barrier = base + barriers_at;
    if (gpu::thread_index() == 0) {
      gpu::tma_prefetch(on.a_map);
      gpu::mbarrier_init(barrier, 1);
      gpu::fence_mbarrier_init();
      gpu::mbarrier_arrive_expect(barrier, 16384);
      gpu::tma_load(on.a_map, base, barrier, 64, 0, 100);
    }
    gpu::sync_block();
    gpu::mbarrier_wait(barrier, 0);
    for (int column = 0; column < 64; column += 2) {
      const auto word = gpu::load_shared<std::uint32_t>(
          base + gpu::panel_offset(probe_size, gpu::thread_index(), 2 * column));
      const gpu::Bfloat16 low{static_cast<std::uint16_t>(word & 0xffff)};
      const gpu::Bfloat16 high{static_cast<std::uint16_t>(word >> 16)};
      out_at(on, gpu::thread_index(), column) = to_float(low);
      out_at(on, gpu::thread_index(), column + 1) = to_float(high);
    }
  }

  static double expected(const ProbeInputs& in, int row, int column) {
    if (column >= 64) return untouched;
    return row < 28 ? in.a(100 + row, 64 + column) : 0;
  }
};

/// Boxes from shared memory, one stored and one added, both clipped at the end.
struct TmaStoreProbe {
  static constexpr int threads = 128;
  static constexpr double tolerance = 0;
  static std::string name() { return "TMA store and add"; }

  HSAP_DEVICE static void run(const ProbeArguments& on) {
    const gpu::SharedAddress base = gpu::shared_base();
    for (int column = 0; column < 32; ++column) {
      gpu::store_shared(base + gpu::panel_offset(probe_size, gpu::thread_index(), 4 * column),
                        static_cast<float>(gpu::thread_index() * 32 + column));
    }
    gpu::fence_async_proxy();
    gpu::sync_block();
    if (gpu::thread_index() != 0) return;
    gpu::tma_store(on.out_map, base, 32, 0, 120);
    gpu::tma_add(on.out_map, base, 96, 0, 90);
    gpu::tma_commit();
    gpu::tma_wait_read<0>();
  }

  static double expected(const ProbeInputs&, int row, int column) {
    if (column >= 32 && column < 64 && row >= 120) return (row - 120) * 32 + column - 32;
    if (column >= 96 && row >= 90) return untouched + (row - 90) * 32 + column - 96;
    return untouched;
  }
};

}  // namespace test
