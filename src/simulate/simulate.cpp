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
  for (const Link& link : cluster.links()) machine.links.push_back(link.bandwidth_bytes_per_s);
  machine.route = [&cluster](int from, int to) { return cluster.route(from, to); };
  return machine;
}

Result<Simulation> simulate(const Schedule& schedule, const Cluster& cluster,
                            const Runtime& runtime, const SimulateOptions& options) {
  std::vector<double> kernel_s(schedule.operations.size(), 0.0);
  for (std::size_t i = 0; i < kernel_s.size(); ++i) {
    const Operation& op = schedule.operations[i];
    if (!communicates(op)) kernel_s[i] = kernel_seconds(schedule, op, cluster.spec().device);
  }
  return run_schedule(schedule, machine_of(cluster), runtime, options, kernel_s);
}

}  // namespace hsap
