#include "validate/measure/host.hpp"

#include "validate/measure/kernels.hpp"
#include "validate/measure/numbers.hpp"

namespace hsap::measure {
namespace {

/// Four places each, in a queue of a thousand that a filler shares.
constexpr int host_calls = 100;
constexpr int host_rounds = 7;

/// Issues operations of both kinds in turn while the device has other work, so that only the host
/// counts.
Result<double> launch_seconds(device::Device& device, Stopwatch& watch,
                              std::span<const device::Launch> launches, const Clock& clock) {
  const device::EventId before = device.make_event();
  const device::EventId begun = device.make_event();
  const device::EventId done = device.make_event();
  HSAP_CHECK(device.record(before, watch.stream()));
  std::vector<double> seconds;
  for (int round = 0; round < host_rounds; ++round) {
    HSAP_CHECK(watch.keep_busy(host_calls));
    const double begin_s = clock();
    for (int i = 0; i < host_calls; ++i) {
      HSAP_CHECK(device.wait(watch.stream(), before));
      HSAP_CHECK(device.record(begun, watch.stream()));
      HSAP_CHECK(launches[static_cast<std::size_t>(i) % launches.size()](watch.stream()));
      HSAP_CHECK(device.record(done, watch.stream()));
    }
    seconds.push_back((clock() - begin_s) / host_calls);
    HSAP_CHECK(device.synchronize());
  }
  return median(std::move(seconds));
}

/// From an event on one stream to one on another stream that waits for it.
Result<double> wait_seconds(device::Device& device, Stopwatch& watch,
                            const device::Launch& launch) {
  const device::StreamId other = device.make_stream(Stream::keys);
  const device::EventId done = device.make_event();
  const device::EventId begun = device.make_event();
  std::vector<double> seconds;
  for (int round = 0; round < 5 * host_rounds; ++round) {
    HSAP_CHECK(watch.keep_busy(8));
    HSAP_CHECK(launch(watch.stream()));
    HSAP_CHECK(device.record(done, watch.stream()));
    HSAP_CHECK(device.wait(other, done));
    HSAP_CHECK(device.record(begun, other));
    HSAP_CHECK(device.synchronize());
    HSAP_TRY(const double waited, device.seconds_between(done, begun));
    seconds.push_back(waited);
  }
  return median(std::move(seconds));
}

}  // namespace

Result<HostCosts> measure_host(device::Device& device, Stopwatch& watch, const Workspace& workspace,
                               const Clock& clock) {
  const auto lay_out = [](Operands& on) {
    const device::Array from = on.read(Dtype::bf16, 1, 1, 128);
    return device::Move{from, on.written(Dtype::bf16, 1, 1, 128), {{0, 0, 1}}, false};
  };
  HSAP_TRY(const auto small, prepare_sets(device, workspace, lay_out, 1));
  const AttentionCase attention{1, 1, 0, {1, 1, 128}, true, Pass::forward};
  HSAP_TRY(const auto attend, prepare(device, workspace, attention, 1));
  if (small.empty() || attend.empty()) {
    return infeasible("too little device memory to measure anything");
  }
  const device::Launch launches[] = {small.front(), attend.front()};
  HostCosts costs;
  HSAP_TRY(costs.launch_s, launch_seconds(device, watch, launches, clock));
  HSAP_TRY(costs.stream_wait_s, wait_seconds(device, watch, small.front()));
  return costs;
}

}  // namespace hsap::measure
