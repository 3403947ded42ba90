#include "kernels/primitive/primitive.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <random>
#include <vector>

using namespace hsap;
using gpu::emulation::Launch;

namespace {

/// What the emulation reports of a kernel, or nothing.
std::string report(int threads, std::size_t shared_bytes, const std::function<void()>& kernel,
                   std::uint64_t seed = 1) {
  Launch launch;
  launch.threads = threads;
  launch.shared_bytes = shared_bytes;
  launch.seed = seed;
  const Status run = gpu::emulation::run(launch, kernel);
  return run ? "" : run.error().text();
}

struct Matrix {
  Matrix(int rows_, int columns_, std::uint64_t seed)
      : rows(rows_), columns(columns_), values(static_cast<std::size_t>(rows_) * columns_) {
    std::mt19937_64 random(seed);
    std::normal_distribution<float> normal;
    for (gpu::Bfloat16& value : values) value = gpu::to_bfloat16(normal(random));
  }

  int rows;
  int columns;
  std::vector<gpu::Bfloat16> values;

  [[nodiscard]] double at(int row, int column) const {
    return to_float(values[static_cast<std::size_t>(row * columns + column)]);
  }
  [[nodiscard]] gpu::TensorMap map() {
    gpu::TensorShape shape;
    shape.data = values.data();
    shape.columns = columns;
    shape.heads = 1;
    shape.rows = rows;
    shape.head_stride_bytes = columns * 2;
    shape.row_stride_bytes = columns * 2;
    shape.box_columns = 64;
    shape.box_rows = rows;
    return make_tensor_map(shape).value();
  }
};

/// Loads matrices of 64 or 128 columns to shared memory one after the other, and waits.
gpu::SharedAddress load(const gpu::TensorMap& map, gpu::SharedAddress to,
                        gpu::SharedAddress barrier, int rows, int columns) {
  if (gpu::thread_index() == 0) {
    gpu::mbarrier_init(barrier, 1);
    gpu::fence_mbarrier_init();
    gpu::mbarrier_arrive_expect(barrier, static_cast<std::uint32_t>(rows * columns * 2));
    for (int panel = 0; panel < columns / 64; ++panel) {
      gpu::tma_load(map, to + static_cast<std::uint32_t>(panel * rows * 128), barrier, 64 * panel,
                    0, 0);
    }
  }
  gpu::sync_block();
  gpu::mbarrier_wait(barrier, 0);
  return to + static_cast<std::uint32_t>(rows * columns * 2);
}

}  // namespace

TEST_CASE("wgmma with both operands in shared memory, either way round") {
  // D = A B^T with A 64 x 64 and B 128 x 64; D = A^T B with A 64 x 64 and B 64 x 128.
  Matrix a(64, 64, 1);
  Matrix rows(128, 64, 2);
  Matrix across(64, 128, 3);
  const gpu::TensorMap a_map = a.map();
  const gpu::TensorMap rows_map = rows.map();
  const gpu::TensorMap across_map = across.map();
  double worst = 0;
  CHECK(report(128, 50000, [&] {
          const gpu::SharedAddress barrier = 49152;
          const gpu::SharedAddress b = load(a_map, 0, barrier, 64, 64);
          const gpu::SharedAddress c = load(rows_map, b, barrier + 8, 128, 64);
          load(across_map, c, barrier + 16, 64, 128);
          float d[64];
          float e[64];
          gpu::wgmma_fence();
          for (int k = 0; k < 64; k += 16) {
            gpu::wgmma<gpu::Operand::contracted, gpu::Operand::contracted>(
                d, gpu::contracted_operand(0, 64, 0, k), gpu::contracted_operand(b, 128, 0, k),
                k > 0);
          }
          gpu::wgmma_commit();
          for (int k = 0; k < 64; k += 16) {
            gpu::wgmma<gpu::Operand::crossed, gpu::Operand::crossed>(
                e, gpu::crossed_operand(0, 64, 0, k), gpu::crossed_operand(c, 64, 0, k), k > 0);
          }
          gpu::wgmma_commit();
          gpu::wgmma_wait<0>();
          for (int i = 0; i < 64; ++i) {
            const gpu::Place at = gpu::accumulator_place(gpu::thread_index(), i);
            double first = 0;
            double second = 0;
            for (int k = 0; k < 64; ++k) {
              first += a.at(at.row, k) * rows.at(at.column, k);
              second += a.at(k, at.row) * across.at(k, at.column);
            }
            worst = std::max({worst, std::abs(first - d[i]), std::abs(second - e[i])});
          }
        }) == "");
  CHECK(worst < 1e-4);
}

TEST_CASE("a crossed operand may begin in the middle of a panel") {
  Matrix a(64, 64, 1);
  Matrix b(64, 64, 2);
  const gpu::TensorMap a_map = a.map();
  const gpu::TensorMap b_map = b.map();
  double worst = 0;
  CHECK(report(128, 20000, [&] {
          const gpu::SharedAddress right = load(a_map, 0, 16384, 64, 64);
          load(b_map, right, 16392, 64, 64);
          float d[16];
          gpu::wgmma_fence();
          for (int k = 0; k < 64; k += 16) {
            gpu::wgmma<gpu::Operand::contracted, gpu::Operand::crossed>(
                d, gpu::contracted_operand(0, 64, 0, k), gpu::crossed_operand(right, 64, 32, k),
                k > 0);
          }
          gpu::wgmma_commit();
          gpu::wgmma_wait<0>();
          for (int i = 0; i < 16; ++i) {
            const gpu::Place at = gpu::accumulator_place(gpu::thread_index(), i);
            double sum = 0;
            for (int k = 0; k < 64; ++k) sum += a.at(at.row, k) * b.at(k, 32 + at.column);
            worst = std::max(worst, std::abs(sum - d[i]));
          }
        }) == "");
  CHECK(worst < 1e-4);
}

TEST_CASE("mma through ldmatrix") {
  Matrix a(16, 16, 1);
  Matrix b(8, 16, 2);  // B^T: 8 columns of 16
  double worst = 0;
  CHECK(report(32, 1024, [&] {
          const int lane = gpu::lane_index();
          const auto word = [](const Matrix& m, int i) {
            const auto at = static_cast<std::size_t>(2 * i);
            return static_cast<std::uint32_t>(m.values[at + 1].bits) << 16 | m.values[at].bits;
          };
          for (int i = lane; i < 128; i += 32) {
            gpu::store_shared(static_cast<std::uint32_t>(4 * i), word(a, i));
          }
          for (int i = lane; i < 64; i += 32) {
            gpu::store_shared(static_cast<std::uint32_t>(512 + 4 * i), word(b, i));
          }
          gpu::sync_warp();
          std::uint32_t left[4];
          std::uint32_t right[4];
          gpu::load_matrices(left, static_cast<std::uint32_t>(lane % 16 * 32 + lane / 16 * 16));
          gpu::load_matrices(right,
                             static_cast<std::uint32_t>(512 + lane % 8 * 32 + lane / 8 % 2 * 16));
          float d[4] = {1, 1, 1, 1};
          gpu::mma(d, left, right[0], right[1]);
          for (int i = 0; i < 4; ++i) {
            const gpu::Place at = gpu::accumulator_place(lane, i);
            double sum = 1;
            for (int k = 0; k < 16; ++k) sum += a.at(at.row, k) * b.at(at.column, k);
            worst = std::max(worst, std::abs(sum - d[i]));
          }
        }) == "");
  CHECK(worst < 1e-5);
}

TEST_CASE("matrices come back as they were stored, crossed twice too") {
  CHECK(report(32, 512, [] {
          const int lane = gpu::lane_index();
          const auto row = static_cast<std::uint32_t>(16 * lane);
          const std::uint32_t from[4] = {static_cast<std::uint32_t>(lane), 100, 200,
                                         static_cast<std::uint32_t>(lane << 20)};
          std::uint32_t to[4];
          gpu::store_matrices(row, from);
          gpu::sync_warp();
          gpu::load_matrices(to, row);
          for (int i = 0; i < 4; ++i) CHECK(to[i] == from[i]);
          gpu::store_matrices_crossed(row, from);
          gpu::sync_warp();
          gpu::load_matrices_crossed(to, row);
          for (int i = 0; i < 4; ++i) CHECK(to[i] == from[i]);
        }) == "");
}

TEST_CASE("tiles leave by TMA, clipped to the tensor, and may be added") {
  std::vector<float> tensor(std::size_t{6} * 32, 1.0f);
  gpu::TensorShape shape;
  shape.data = tensor.data();
  shape.element_bytes = 4;
  shape.columns = 32;
  shape.heads = 1;
  shape.rows = 6;
  shape.head_stride_bytes = 128;
  shape.row_stride_bytes = 128;
  shape.box_columns = 32;
  shape.box_rows = 8;
  const gpu::TensorMap map = make_tensor_map(shape).value();
  CHECK(report(32, 1024, [&] {
          for (int row = 0; row < 8; ++row) {
            gpu::store_shared(gpu::panel_offset(8, row, 4 * gpu::lane_index()),
                              static_cast<float>(row));
          }
          gpu::fence_async_proxy();
          gpu::sync_block();
          if (gpu::thread_index() != 0) return;
          gpu::tma_add(map, 0, 0, 0, 2);
          gpu::tma_commit();
          gpu::tma_wait_read<0>();
        }) == "");
  for (int row = 0; row < 6; ++row) {
    CHECK(tensor[static_cast<std::size_t>(row) * 32 + 5] ==
          static_cast<float>(row < 2 ? 1 : row - 1));
  }
}

TEST_CASE("copies wait, and may be left out") {
  std::vector<float> from(128, 3.0f);
  CHECK(report(32, 1024, [&] {
          const int lane = gpu::lane_index();
          const auto at = static_cast<std::uint32_t>(16 * lane);
          gpu::copy_async(at, &from[static_cast<std::size_t>(4 * lane)], lane % 2 == 0);
          gpu::copy_async_commit();
          gpu::copy_async_wait<0>();
          CHECK(gpu::load_shared<float>(at) == (lane % 2 == 0 ? 3.0f : 0.0f));
        }) == "");
}

TEST_CASE("what the emulation reports") {
  using Catch::Matchers::Contains;
  SECTION("a barrier that some threads never reach") {
    CHECK_THAT(report(64, 0,
                      [] {
                        if (gpu::thread_index() < 33) gpu::sync_block();
                      }),
               Contains("no thread can go on") && Contains("33 threads"));
  }
  SECTION("lanes that call different things") {
    CHECK_THAT(report(32, 0,
                      [] {
                        if (gpu::lane_index() == 0) {
                          gpu::sync_warp();
                        } else {
                          gpu::shuffle_xor(1, 1);
                        }
                      }),
               Contains("where others of its warp call"));
  }
  SECTION("shared memory out of bounds") {
    CHECK_THAT(report(32, 64, [] { gpu::store_shared(64, 1.0f); }),
               Contains("but the block has 64"));
  }
  SECTION("two copies to one place at the same time") {
    const std::vector<float> from(8);
    CHECK_THAT(report(32, 16,
                      [&] {
                        if (gpu::lane_index() > 0) return;
                        gpu::copy_async(0, from.data(), true);
                        gpu::copy_async_commit();
                        gpu::copy_async(0, from.data() + 4, true);
                      }),
               Contains("an earlier copy has yet to write"));
  }
  SECTION("ordinary stores that TMA may not see yet") {
    std::vector<float> tensor(32);
    gpu::TensorShape shape;
    shape.data = tensor.data();
    shape.element_bytes = 4;
    shape.columns = 32;
    shape.heads = shape.rows = shape.box_rows = 1;
    shape.head_stride_bytes = shape.row_stride_bytes = 128;
    shape.box_columns = 32;
    const gpu::TensorMap map = make_tensor_map(shape).value();
    CHECK_THAT(report(32, 1024,
                      [&] {
                        gpu::store_shared(static_cast<std::uint32_t>(4 * gpu::lane_index()), 1.0f);
                        gpu::sync_block();
                        if (gpu::thread_index() == 0) gpu::tma_store(map, 0, 0, 0, 0);
                      }),
               Contains("without fence_async_proxy"));
  }
  SECTION("a product whose registers were not fenced") {
    CHECK_THAT(report(128, 16384,
                      [] {
                        float d[16];
                        gpu::wgmma<gpu::Operand::contracted, gpu::Operand::contracted>(
                            d, gpu::contracted_operand(0, 64, 0, 0),
                            gpu::contracted_operand(8192, 64, 0, 0), false);
                      }),
               Contains("without wgmma_fence"));
  }
  SECTION("a barrier that gets too many arrivals") {
    CHECK_THAT(report(32, 8,
                      [] {
                        if (gpu::lane_index() == 0) gpu::mbarrier_init(0, 40);
                        gpu::sync_block();
                        gpu::mbarrier_wait(0, 0);
                      }),
               Contains("mbarrier_wait at 0 for parity 0"));
  }
}

TEST_CASE("registers of a product hold NaN until they are waited for") {
  int early = 0;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    CHECK(report(
              128, 16384,
              [&] {
                float d[16] = {};
                for (std::uint32_t at = 0; at < 16384; at += 128 * 4) {
                  gpu::store_shared(at + static_cast<std::uint32_t>(4 * gpu::thread_index()), 0);
                }
                gpu::fence_async_proxy();
                gpu::sync_block();
                gpu::wgmma_fence();
                gpu::wgmma<gpu::Operand::contracted, gpu::Operand::contracted>(
                    d, gpu::contracted_operand(0, 64, 0, 0),
                    gpu::contracted_operand(8192, 64, 0, 0), true);
                gpu::wgmma_commit();
                if (std::isnan(d[0])) ++early;
                gpu::wgmma_wait<0>();
                CHECK(d[0] == 0);
              },
              seed) == "");
  }
  CHECK(early > 200);
}
