#include <catch2/catch.hpp>

#include "device/emulated/cuda.hpp"
#include "support/compiled.hpp"
#include "support/errors.hpp"
#include "support/random_problem.hpp"
#include "validate/device/cuda_device.hpp"
#include "validate/gpu/execute_local.hpp"

// Whole plans through the executor of one GPU, its device and the kernels' launches, with the
// emulation in place of the GPU.
namespace hsap {
namespace {

void check(std::uint64_t seed) {
  support::Random random(seed);
  Problem problem = support::random_problem(random);
  problem.dtype = Dtype::bf16;
  problem.heads.dim = random.once_in(2) ? 64 : 128;
  const Strategy strategy = support::random_strategy(random, problem, 4);
  INFO(support::describe(problem, strategy));
  Tensors truth = random_inputs(problem, seed);
  Tensors found = truth;
  reference_attention(problem, truth);
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    const Schedule schedule = support::compiled(problem, strategy, pass);
    auto device = device::CudaDevice::make({});
    REQUIRE(device);
    const auto run = executor::execute_local(schedule, found, **device, {.graph = seed % 4 == 0});
    if (!run) FAIL(run.error().text());
  }
  for (const Role role : {Role::o, Role::lse, Role::dq, Role::dk, Role::dv}) {
    CAPTURE(to_string(role));
    CHECK(support::relative_error(found[role], truth[role]) < (role == Role::lse ? 1e-5 : 1e-2));
  }
}

TEST_CASE("plans on one GPU agree with the reference") {
  const std::pair<int, std::uint64_t> runs[] = {{9, 12}, {8, 3}};  // the portable kernels are slow
  for (const auto& [major, seeds] : runs) {
    test::emulated::set_compute_capability(major);
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      CAPTURE(major, seed);
      check(seed);
    }
  }
}

TEST_CASE("kernels take what is asked for, or what is not kept") {
  const auto sms = [](int max_sms, int kept_sms) {
    device::CudaDevice::Options options;
    options.max_sms = max_sms;
    options.kept_sms = kept_sms;
    return device::CudaDevice::make(options).value()->sms_of_kernels();
  };
  // The emulation has two.
  CHECK(sms(0, 0) == 2);
  CHECK(sms(1, 0) == 1);
  CHECK(sms(0, 1) == 1);
  CHECK(sms(0, 16) == 1);
  CHECK(sms(2, 1) == 2);
  CHECK(sms(9, 0) == 2);
}

}  // namespace
}  // namespace hsap
