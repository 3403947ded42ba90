// The model against published measurements of whole kernels. A800, H800: flash_kernels.csv
// (oliverYoung2001/UltraAttn, FlashAttention-2, head_dim 128, batch 1). H200: cuDNN 9.19
// (NVIDIA/cudnn-frontend, 64 query heads, head_dim 128). hsap-topo calibrate shows every row.
#include <catch2/catch.hpp>

#include "hsap/cost.hpp"

using namespace hsap;

namespace {

struct Row {
  Token queries;
  Token keys;
  int heads;
  SliceKind kind;
  double forward_us;
  double backward_us;
};

constexpr SliceKind full = SliceKind::full;
constexpr SliceKind causal = SliceKind::causal;

Device a800() {
  Device device;
  device.multiprocessors = 108;
  device.forward = {128, 64, 235e12, 5e-6, 10.7e-6, 1, 0.15, true, false};
  device.backward = {64, 128, 202e12, 16e-6, 8e-6, 1, 0.15, false, true, true};
  return device;
}

Device h800() {
  Device device;
  device.multiprocessors = 132;
  device.forward = {128, 64, 403e12, 5.3e-6, 6.1e-6, 0.85, 0.15, true, false};
  device.backward = {64, 128, 342e12, 14e-6, 8e-6, 1, 0.15, false, true, true};
  return device;
}

Device h200() {
  Device device;
  device.multiprocessors = 132;
  device.forward = {128, 128, 703e12, 2.6e-6, 17e-6};
  device.backward = {64, 128, 614e12, 14.5e-6, 50e-6};
  return device;
}

void check_rows(const std::vector<Row>& rows, const Device& device, double tolerance) {
  for (const Row& row : rows) {
    const std::vector<Slice> slices{
        {make_interval(0, row.queries), make_interval(0, row.keys), row.kind}};
    INFO(row.queries << " x " << row.keys << ", " << row.heads << " heads, "
                     << to_string(row.kind));
    CHECK(1e6 * attention_seconds(slices, row.heads, 128, Pass::forward, device) ==
          Approx(row.forward_us).epsilon(tolerance));
    CHECK(1e6 * attention_seconds(slices, row.heads, 128, Pass::backward, device) ==
          Approx(row.backward_us).epsilon(tolerance));
  }
}

}  // namespace

TEST_CASE("FlashAttention-2 on A800 within 11 %: many heads, aspect ratios, one head") {
  check_rows({{4096, 4096, 32, causal, 715.776, 2148.352},
              {16384, 16384, 32, causal, 9630.72, 28184.576},
              {2048, 2048, 32, causal, 238.592, 681.984},
              {2048, 2048, 32, full, 333.824, 1034.24},
              {8192, 4096, 32, full, 2388.992, 7530.496},
              {4096, 8192, 32, full, 2498.56, 7002.112},
              {131072, 131072, 32, full, 1192816.65, 3488310.303},
              {2048, 2048, 1, full, 33.792, 200.704},
              {16384, 16384, 1, full, 1004.544, 2847.744}},
             a800(), 0.11);
}

TEST_CASE("FlashAttention-2 on H800 within 8 %") {
  check_rows({{8192, 8192, 32, causal, 1554.784, 4495.584},
              {131072, 131072, 32, causal, 341759.918, 1013145.081},
              {4096, 4096, 32, full, 737.952, 2224.8},
              {65536, 32768, 32, full, 86804.001, 260296.234},
              {32768, 65536, 32, full, 87507.744, 257880.676},
              {16384, 16384, 1, causal, 418.624, 1095.904}},
             h800(), 0.08);
}

TEST_CASE("cuDNN on H200 within 11 %") {
  check_rows({{2048, 2048, 64, causal, 142, 464},
              {4096, 4096, 64, causal, 465, 1450},
              {32768, 32768, 64, causal, 25566, 75688},
              {2048, 2048, 64, full, 217, 681},
              {16384, 16384, 64, full, 12524, 35947}},
             h200(), 0.11);
}
