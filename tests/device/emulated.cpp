#include <catch2/catch.hpp>
#include <random>

#include "device/probes.hpp"
#include "kernels/primitive/emulation/grid.hpp"

using namespace hsap;

namespace {

struct Emulated {
  template <typename Kernel>
  static std::string start(const test::ProbeArguments& on) {
    gpu::emulation::Launch launch;
    launch.threads = Kernel::threads;
    launch.shared_bytes = test::probe_shared_bytes;
    const Status run = gpu::emulation::run(launch, [&] { Kernel::run(on); });
    return run ? "" : run.error().text();
  }
};

std::vector<gpu::Bfloat16> random_matrix(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::vector<gpu::Bfloat16> values;
  for (int i = 0; i < test::probe_size * test::probe_size; ++i) {
    values.push_back(gpu::to_bfloat16(normal(random)));
  }
  return values;
}

gpu::TensorMap map_of(const void* data, int element_bytes) {
  gpu::TensorShape shape;
  shape.data = const_cast<void*>(data);
  shape.element_bytes = element_bytes;
  shape.columns = shape.rows = test::probe_size;
  shape.heads = 1;
  shape.row_stride_bytes = test::probe_size * element_bytes;
  shape.box_columns = 128 / element_bytes;
  shape.box_rows = 128;
  return make_tensor_map(shape).value();
}

void check(const std::vector<test::Probe>& probes) {
  const test::ProbeInputs in{random_matrix(1), random_matrix(2)};
  for (const test::Probe& probe : probes) {
    std::vector<float> out(in.a_values.size(), static_cast<float>(test::untouched));
    std::int32_t counter = 0;
    test::ProbeArguments on;
    on.a_map = map_of(in.a_values.data(), 2);
    on.b_map = map_of(in.b_values.data(), 2);
    on.out_map = map_of(out.data(), 4);
    on.a = in.a_values.data();
    on.b = in.b_values.data();
    on.out = out.data();
    on.counter = &counter;
    INFO(probe.name);
    CHECK(probe.start(on) == "");
    CHECK(test::worst_difference(probe, in, out) <= probe.tolerance);
  }
}

}  // namespace

TEST_CASE("primitives of every GPU, emulated") { check(test::portable_probes<Emulated>()); }
TEST_CASE("primitives of Hopper, emulated") { check(test::hopper_probes<Emulated>()); }
