#include "device/probe.hpp"
#include "device/selftest.hpp"

using namespace hsap;

namespace test {
namespace {

gpu::TensorMap map_of(const kernels::DeviceMemory& memory, int element_bytes) {
  gpu::TensorShape shape;
  shape.data = memory.data();
  shape.element_bytes = element_bytes;
  shape.columns = shape.rows = probe_size;
  shape.heads = 1;
  shape.row_stride_bytes = probe_size * element_bytes;
  shape.box_columns = 128 / element_bytes;
  shape.box_rows = 128;
  return make_tensor_map(shape).value();
}

Outcome check(const Probe& probe, bool maps, std::mt19937_64& random) {
  ProbeInputs in;
  for (const float x : random_numbers(probe_size * probe_size, Dtype::bf16, random)) {
    in.a_values.push_back(gpu::to_bfloat16(x));
  }
  for (const float x : random_numbers(probe_size * probe_size, Dtype::bf16, random)) {
    in.b_values.push_back(gpu::to_bfloat16(x));
  }
  std::vector<float> out(in.a_values.size(), static_cast<float>(untouched));
  const auto a = kernels::DeviceMemory::of(in.a_values);
  const auto b = kernels::DeviceMemory::of(in.b_values);
  const auto on_device = kernels::DeviceMemory::of(out);
  const auto counter = kernels::DeviceMemory::of(std::vector<std::int32_t>{0});
  ProbeArguments on;
  if (maps) {
    on.a_map = map_of(a, 2);
    on.b_map = map_of(b, 2);
    on.out_map = map_of(on_device, 4);
  }
  on.a = static_cast<const gpu::Bfloat16*>(a.data());
  on.b = static_cast<const gpu::Bfloat16*>(b.data());
  on.out = static_cast<float*>(on_device.data());
  on.counter = static_cast<std::int32_t*>(counter.data());
  Outcome outcome;
  outcome.name = "primitive: " + probe.name;
  outcome.tolerance = probe.tolerance;
  outcome.report = probe.start(on);
  if (!outcome.report.empty()) return outcome;
  on_device.read(out.data(), on_device.bytes());
  outcome.difference = worst_difference(probe, in, out);
  return outcome;
}

}  // namespace

Parts probe_parts(const kernels::Device& device, std::uint64_t seed) {
  Parts parts;
  const auto add = [&](const std::vector<Probe>& probes, bool maps) {
    for (const Probe& probe : probes) {
      parts.push_back({"primitive: " + probe.name, [probe, maps, seed](Outcomes& outcomes) {
                         std::mt19937_64 random(seed);
                         outcomes.push_back(check(probe, maps, random));
                       }});
      ++seed;
    }
  };
  add(device_portable_probes(), false);
  if (device.family == kernels::Family::hopper) add(device_hopper_probes(), true);
  return parts;
}

}  // namespace test
