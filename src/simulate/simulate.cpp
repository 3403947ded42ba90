#include "hsap/simulate.hpp"

#include "hsap/cost.hpp"
#include "simulate/machine.hpp"
#include "simulate/run.hpp"
#include "simulate/traffic.hpp"

namespace hsap {

Machine machine_of(const Cluster& cluster) {
  Machine machine;
  machine.gpus = cluster.gpus();
  machine.gpus_per_node = cluster.gpus_per_node();
  machine.memory_bandwidth_bytes_per_s = cluster.spec().device.memory_bandwidth_bytes_per_s;
  machine.multiprocessors = cluster.spec().device.multiprocessors;
  for (const Link& link : cluster.links()) machine.links.push_back(link.bandwidth_bytes_per_s);
  machine.route = [&cluster](int from, int to) { return cluster.route(from, to); };
  return machine;
}

Result<Simulation> simulate(const Schedule& schedule, const Cluster& cluster,
                            const Runtime& runtime, const SimulateOptions& options) {
  const Device& device = cluster.spec().device;
  std::vector<KernelTime> kernels(schedule.operations.size());
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    const Operation& op = schedule.operations[i];
    if (communicates(op)) continue;
    kernels[i] = kernel_time(schedule, op, device);
    if (op.kind != Kind::attend && op.kind != Kind::attend_backward) continue;
    kernels[i].seconds *= 1 + runtime.kernel_slowdown;
    kernels[i].full_s *= 1 + runtime.kernel_slowdown;
  }
  return run_schedule(schedule, machine_of(cluster), runtime, options, kernels);
}

}  // namespace hsap
