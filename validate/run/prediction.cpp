#include "validate/run/prediction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "hsap/cost.hpp"
#include "schedule/kinds.hpp"

namespace hsap::validation {
namespace {

/// Bytes that a communication operation puts where they belong, and in how many kernels.
struct Copies {
  double bytes = 0;
  int kernels = 0;
};

Copies copies_of(const Schedule& schedule, const Operation& op) {
  Copies copies;
  if (op.kind == Kind::exchange) {
    for (const Transfer& transfer : schedule.transfers_of(op)) {
      if (transfer.direction != Direction::receive) continue;
      copies.bytes += static_cast<double>(schedule.bytes(transfer));
      ++copies.kernels;
    }
    return copies;
  }
  // all_gather writes its destination once, reduce_scatter once for every member.
  const auto on = schedule.operands_of(op);
  const int members = schedule.group_of(op).count;
  for (std::size_t pair = 0; pair < on.size() / 2; ++pair) {
    const Buffer& to = schedule.buffers[on[2 * pair + 1]];
    const auto bytes = static_cast<double>(
        schedule.bytes(to, tokens_in(schedule.intervals_of(to)), op.heads.size()));
    copies.bytes += op.kind == Kind::all_gather ? bytes : bytes * members;
    copies.kernels += members;
  }
  return copies;
}

Timeline one_after_the_other(const Schedule& schedule, const Execution& execution,
                             const Device& device) {
  Timeline timeline;
  for (const OperationTime& time : execution.times) {
    const double begin_s = timeline.seconds;
    timeline.seconds += seconds_alone(schedule, schedule.operations[time.operation], device);
    timeline.spans.push_back({time.operation, begin_s, timeline.seconds});
  }
  return timeline;
}

}  // namespace

std::string Machine::text() const {
  if (!one_device) return fmt::format("simulated on {}, runtime {}", cluster.name, runtime.name);
  return fmt::format("each operation alone on one {}", cluster.device.name);
}

Result<Machine> machine_of(const Plan& plan, const std::string& cluster) {
  Machine machine;
  for (const Override& each : plan.cluster.overrides) {
    // Those of the plan's cluster mean nothing for another one.
    if (cluster.empty() || each.path.starts_with("runtime.")) machine.overrides.push_back(each);
  }
  machine.cluster_name = cluster.empty() ? plan.cluster.name : cluster;
  machine.runtime_name = plan.cluster.runtime;
  HSAP_TRY(machine.cluster, load_cluster(machine.cluster_name, machine.overrides));
  HSAP_TRY(machine.runtime, load_runtime(machine.runtime_name, machine.overrides));
  return machine;
}

Result<Machine> one_device_of(const std::string& cluster) {
  Machine machine;
  machine.one_device = true;
  if (!cluster.empty()) machine.cluster_name = cluster;
  HSAP_TRY(machine.cluster, load_cluster(machine.cluster_name));
  return machine;
}

Result<Timeline> predict(const Schedule& schedule, const Execution& execution,
                         const Machine& machine) {
  if (machine.one_device) {
    return one_after_the_other(schedule, execution, machine.cluster.device);
  }
  const int per_node = machine.cluster.gpus_per_node();
  HSAP_TRY(const Cluster cluster,
           Cluster::build(machine.cluster, (schedule.ranks() + per_node - 1) / per_node));
  SimulateOptions options;
  options.timeline = true;
  HSAP_TRY(Simulation simulation, simulate(schedule, cluster, machine.runtime, options));
  return Timeline{simulation.seconds, std::move(simulation.spans)};
}

Timeline measured(const Execution& execution) {
  Timeline timeline;
  for (const OperationTime& time : execution.times) {
    timeline.spans.push_back({time.operation, time.begin_s, time.begin_s + time.seconds});
    timeline.seconds = std::max(timeline.seconds, timeline.spans.back().end_s);
  }
  std::sort(timeline.spans.begin(), timeline.spans.end(), [](const Span& a, const Span& b) {
    return std::tie(a.begin_s, a.operation) < std::tie(b.begin_s, b.operation);
  });
  return timeline;
}

double seconds_alone(const Schedule& schedule, const Operation& op, const Device& device) {
  if (!communicates(op.kind)) return kernel_seconds(schedule, op, device);
  const Copies copies = copies_of(schedule, op);
  return 2 * copies.bytes / device.memory_bandwidth_bytes_per_s +
         copies.kernels * device.kernel_launch_s;
}

}  // namespace hsap::validation
