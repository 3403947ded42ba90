#include "hsap/simulate.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "hsap/cost.hpp"
#include "schedule/kinds.hpp"
#include "simulate/engine/run.hpp"
#include "simulate/traffic/alike.hpp"
#include "simulate/traffic/machine.hpp"
#include "simulate/traffic/placement.hpp"
#include "simulate/traffic/symmetry.hpp"
#include "simulate/traffic/traffic.hpp"

namespace hsap {

Machine machine_of(const Cluster& cluster) {
  Machine machine;
  machine.gpus = cluster.gpus();
  machine.gpus_per_node = cluster.gpus_per_node();
  machine.memory_bandwidth_bytes_per_s = cluster.spec().device.memory_bandwidth_bytes_per_s;
  machine.multiprocessors = cluster.spec().device.multiprocessors;
  machine.channel_bytes_per_s = cluster.spec().device.channel_bytes_per_s;
  machine.in_switch = cluster.spec().in_switch;
  for (const Link& link : cluster.links()) machine.links.push_back(link.bandwidth_bytes_per_s);
  machine.route = [&cluster](int from, int to) { return cluster.route(from, to); };
  return machine;
}

namespace {

/// A pass that reads dq as the library leaves it and adds it to the sum: kernels of their own.
double accumulation_s(const Schedule& schedule, const Operation& op, const Device& device,
                      double passes) {
  constexpr std::size_t dq = 6;
  const Buffer& sum = schedule.buffers[schedule.operands_of(op)[dq]];
  const auto rows = tokens_in(schedule.intervals_of(sum));
  const auto numbers = static_cast<double>(rows * op.heads.size() * schedule.heads.dim);
  const double bytes = numbers * (2 * bytes_of(sum.dtype) + bytes_of(Dtype::bf16));
  return device.kernel_launch_s + passes * bytes / device.memory_bandwidth_bytes_per_s;
}

/// As this implementation runs it.
KernelTime kernel_under(const Runtime& runtime, const Schedule& schedule, const Operation& op,
                        const Device& device) {
  KernelTime time = kernel_time(schedule, op, device);
  if (op.kind == Kind::merge || op.kind == Kind::reduce) {
    const double passes = op.kind == Kind::merge ? runtime.merge_passes : runtime.sum_passes;
    time.seconds += (passes - 1) * memory_bytes(schedule, op) / device.memory_bandwidth_bytes_per_s;
  }
  if (op.kind != Kind::attend && op.kind != Kind::attend_backward) return time;
  time.seconds *= 1 + runtime.kernel_slowdown;
  time.full_s *= 1 + runtime.kernel_slowdown;
  const bool adds = op.kind == Kind::attend_backward && op.accumulate_query;
  if (adds && runtime.separate_accumulation) {
    time.seconds += accumulation_s(schedule, op, device, runtime.sum_passes);
  }
  return time;
}

/// Times of the first `count` operations. Steps and ranks mostly repeat the last kernel of their
/// kind on other tokens, which then need not be worked out again.
std::vector<KernelTime> kernel_times(const Schedule& schedule, Index count, const Runtime& runtime,
                                     const Device& device) {
  std::vector<KernelTime> times(count);
  std::array<Index, operation_kinds> last;
  last.fill(count);
  const auto same_buffer = [&](Index a, Index b) {
    return alike(schedule, schedule.buffers[a], schedule.buffers[b]);
  };
  for (Index i = 0; i < count; ++i) {
    const Operation& op = schedule.operations[i];
    if (communicates(op.kind)) continue;
    const Index before = std::exchange(last[static_cast<std::size_t>(op.kind)], i);
    const bool repeats =
        before < count && alike_but_buffers(schedule, op, schedule.operations[before]) &&
        std::ranges::equal(schedule.operands_of(op),
                           schedule.operands_of(schedule.operations[before]), same_buffer);
    times[i] = repeats ? times[before] : kernel_under(runtime, schedule, op, device);
  }
  return times;
}

Result<Simulation> run(const Schedule& schedule, const Cluster& cluster, const Machine& machine,
                       const Runtime& runtime, const SimulateOptions& options,
                       const Symmetry& symmetry) {
  std::vector<KernelTime> kernels = kernel_times(schedule, operations_of(schedule, symmetry.ranks),
                                                 runtime, cluster.spec().device);
  return run_schedule(schedule, machine, runtime, options, std::move(kernels), symmetry);
}

}  // namespace

Result<Simulation> simulate(const Schedule& schedule, const Cluster& cluster,
                            const Runtime& runtime, const SimulateOptions& options) {
  const Machine machine = machine_of(cluster);
  const bool alone =
      options.replicas == 1 && options.tensor_parallel == 1 && schedule.ranks() <= machine.gpus;
  if (!alone || options.timeline) {
    return run(schedule, cluster, machine, runtime, options, no_symmetry(schedule));
  }
  const Symmetry symmetry = find_symmetry(schedule, machine, runtime);
  Result<Simulation> result = run(schedule, cluster, machine, runtime, options, symmetry);
  // What is wrong with a schedule is told about all of it.
  if (result || symmetry.like.empty()) return result;
  return run(schedule, cluster, machine, runtime, options, no_symmetry(schedule));
}

Result<SlowestCopy> simulate_slowest(const Schedule& schedule, const Cluster& cluster,
                                     const Runtime& runtime, SimulateOptions options) {
  const int group = schedule.ranks() * options.tensor_parallel;
  SlowestCopy slowest;
  std::uint64_t events = 0;
  // At least one, which finds out what is wrong with the options.
  for (const int copy : unlike_replicas(cluster, group, std::max(1, options.replicas))) {
    options.told = copy;
    HSAP_TRY(Simulation simulation, simulate(schedule, cluster, runtime, options));
    events += simulation.events;
    if (copy > 0 && simulation.seconds <= slowest.simulation.seconds) continue;
    slowest = {std::move(simulation), copy};
  }
  slowest.simulation.events = events;
  return slowest;
}

}  // namespace hsap
